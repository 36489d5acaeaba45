"""Child processes with their time and peak memory."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Process:
    """What a finished child printed, how long it ran, and its peak resident memory."""

    output: str
    seconds: float
    peak_bytes: int


def run_process(command: list[Any]) -> Process:
    """Standard error passes through. Linux counts the parent's memory at the fork into the child's peak: a script that
    measures it imports neither torch nor numpy."""
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"exit code {process.returncode} from: {' '.join(command)}")
        output.seek(0)
        return Process(output.read(), seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def peak_bytes() -> int:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
