"""A stand-in for the Hugging Face hub and for the store behind it, and for GitHub's raw files, for the tests of
Scripts/fetch-gpt2.sh and Scripts/fetch-paper-data.sh.

Serves REPOSITORY/resolve/REVISION/FILE and REPOSITORY/REVISION/FILE from a folder of files on 127.0.0.1, on a free
port, which it prints. Writes a line per request to the log: method, path, range, status, whether a token came along.
Ends when its standard input is closed.
"""

import argparse
import hashlib
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("--root", required=True, help="folder of the files served")
parser.add_argument("--log", required=True, help="file for the request lines")
parser.add_argument("--commit", default="0" * 40, help="commit that main names; no other revision exists")
parser.add_argument("--pin", metavar="MANIFEST", help="write the files' sizes and hashes there")
parser.add_argument("--group", default="small", help="what MANIFEST calls them")
parser.add_argument("--cut", type=int, help="send at most this many bytes of a file, then drop the connection")
parser.add_argument("--cut-count", type=int, default=1, help="how often to do so for each file")
parser.add_argument("--ignore-range", action="store_true", help="answer every request with the whole file")
parser.add_argument("--wrong", action="append", default=[], metavar="FILE", help="send FILE with its last byte changed")
parser.add_argument("--endless", metavar="FILE", help="say no length of FILE, and send zeros after it without end")
parser.add_argument("--drip", metavar="FILE", help="send FILE a byte at a time, ten a second")
parser.add_argument("--status", type=int, help="answer everything with this status")
parser.add_argument("--busy", type=int, default=0, help="answer this many requests with 503 first")
options = parser.parse_args()

lock = threading.Lock()
cuts = {}
busy = options.busy


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, headers, body=b""):
        token = "token" if "Authorization" in self.headers else "-"
        with lock, open(options.log, "a") as log:
            print(self.command, self.path, self.headers.get("Range", "-"), status, token, file=log)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        self.close_connection = True

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        global busy
        with lock:
            refuse = busy > 0
            busy -= refuse
        if options.status or refuse:
            return self.answer(options.status or 503, {"Content-Length": "0"})
        head, _, name = self.path.rpartition("/")
        path = os.path.join(options.root, name)
        revision = head.rpartition("/")[2]
        if not os.path.isfile(path) or revision not in ("main", "store", options.commit):
            return self.answer(404, {"Content-Length": "0"})
        with open(path, "rb") as file:
            content = file.read()
        if revision == "store":
            # A store's ETag is some other hash of its own.
            return self.send(name, content, {"ETag": '"%s"' % hashlib.sha256(b"store" + content).hexdigest()})
        headers = {"X-Repo-Commit": options.commit}
        if name.endswith(".safetensors"):
            port = self.server.server_address[1]
            headers["X-Linked-Etag"] = '"%s"' % hashlib.sha256(content).hexdigest()
            headers["X-Linked-Size"] = str(len(content))
            headers["ETag"] = '"of the redirect"'
            headers["Location"] = "http://localhost:%d/store/%s" % (port, name)
            headers["Content-Length"] = "0"
            return self.answer(302, headers)
        headers["ETag"] = '"%s"' % hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.send(name, content, headers)

    def trickle(self, name, status, headers, body):
        if name == options.drip:
            headers["Content-Length"] = str(len(body))
        self.answer(status, headers)
        try:
            if name == options.endless:
                self.wfile.write(body)
                while True:
                    self.wfile.write(bytes(65536))
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass  # The client has had enough.

    def send(self, name, content, headers):
        if name in options.wrong:
            content = content[:-1] + bytes([content[-1] ^ 1])
        status, start = 200, 0
        wanted = self.headers.get("Range")
        if wanted and not options.ignore_range:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                return self.answer(416, {"Content-Length": "0"})
            status = 206
            headers["Content-Range"] = "bytes %d-%d/%d" % (start, len(content) - 1, len(content))
        body = content[start:]
        if self.command == "GET" and name in (options.endless, options.drip):
            return self.trickle(name, status, headers, body)
        headers["Content-Length"] = str(len(body))
        with lock:
            cut = options.cut is not None and self.command == "GET" and len(body) > options.cut
            cut = cut and cuts.get(name, 0) < options.cut_count
            cuts[name] = cuts.get(name, 0) + cut
        self.answer(status, headers, body[: options.cut] if cut else body)


if options.pin:
    with open(options.pin, "w") as manifest:
        for name in sorted(os.listdir(options.root)):
            with open(os.path.join(options.root, name), "rb") as file:
                content = file.read()
            print(options.group, options.commit, len(content), hashlib.sha256(content).hexdigest(), name, file=manifest)

server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
