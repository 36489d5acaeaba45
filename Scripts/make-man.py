#!/usr/bin/env python3
"""Writes the man pages of ioi and its subcommands from what the program itself says of its flags.

    Scripts/make-man.py PROGRAM FOLDER
"""

import json
import os
import re
import subprocess
import sys
import unicodedata

ENVIRONMENT = [
    ("IOI_MODELS", "A folder with models, searched first for the names that --model takes."),
    ("IOI_DATA", "The folder with templates, names, circuits and the embedded model, in place of share/ioi."),
    ("IOI_PAPER_DATA", "The folder with the sentences that the authors of the paper published."),
    ("IOI_CACHE", "Where hashes of weights are kept, so that no file is read for its hash twice (default: ~/.cache/ioi)."),
    ("HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME", "Where the Hugging Face cache is, as huggingface_hub reads them."),
    ("NO_COLOR", "If set, --color auto shows no colours."),
]


def escape(text):
    """Text as troff prints it, whatever characters it has."""
    marks = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "^": r"\(ha", "~": r"\(ti", "`": r"\(ga"}
    return "".join(
        marks.get(c) or (c if ord(c) < 128 else r"\[u%s]" % "_".join("%04X" % ord(part) for part in unicodedata.normalize("NFD", c)))
        for c in text
    )


def line(text):
    """A line of text. No character at its start makes it a request."""
    return r"\&" + text if text.startswith(".") else text


def paragraphs(text):
    """Prose is filled; lines that the help breaks stay lines."""
    blocks = []
    for block in text.split("\n\n"):
        lines = block.rstrip().split("\n")
        if len(lines) == 1:
            blocks += [".PP", line(escape(lines[0].strip()))]
        elif any(len(each) > 100 for each in lines):
            blocks += [".PP", "\n.br\n".join(line(escape(each.strip())) for each in lines)]
        else:
            blocks += [".PP", ".nf"] + [line(escape(each)) for each in lines] + [".fi"]
    return blocks


def synopsis(argument):
    """How the argument is given, such as --count <n>."""
    value = r"\fI%s\fR" % escape(argument.get("valueName", "value"))
    if argument["kind"] == "positional":
        return value
    dashes = {"long": "--", "short": "-", "longWithSingleDash": "-"}
    names = sorted(argument["names"], key=lambda name: len(name["name"]))
    flags = ", ".join(r"\fB%s\fR" % escape(dashes[name["kind"]] + name["name"]) for name in names)
    return flags if argument["kind"] == "flag" else flags + " " + value


def description(argument):
    """What the argument does, its default and its values."""
    words = argument.get("abstract", "")
    if argument.get("defaultValue") and "(default:" not in words:
        words += " (default: %s)" % argument["defaultValue"]
    lines = [line(escape(words))] if words else []
    values, described = argument.get("allValues", []), argument.get("allValueDescriptions") or {}
    if any(value in described for value in values):
        lines.append(".RS")
        for value in values:
            lines += [".TP", r"\fB%s\fR" % escape(value), line(escape(described.get(value) or r"")) or r"\&"]
        lines.append(".RE")
    elif values and argument["kind"] == "option":
        lines += [".br", line(escape("Values: %s." % ", ".join(values)))]
    if argument.get("discussion"):
        lines += [".IP", line(escape(" ".join(argument["discussion"].split())))]
    return lines or [r"\&"]


def shown(items):
    return [item for item in items or [] if item.get("shouldDisplay", True)]


def page(command, path, version, children):
    """The man page of a command; path is ["ioi", "circuit", "show"]."""
    name = "-".join(path)
    arguments = shown(command.get("arguments"))
    abstract = command.get("abstract", "").rstrip(".")
    text = ['.TH %s 1 "" "ioi %s" "ioi"' % (escape(name.upper()), version)]
    text += [".SH NAME", r"%s \- %s" % (escape(name), escape(abstract[:1].lower() + abstract[1:]))]
    text += [".SH SYNOPSIS", r".B %s" % escape(" ".join(path))]
    words = [r"\fIcommand\fR"] if children else []
    words += [synopsis(each) for each in arguments if each["kind"] == "positional"]
    if any(each["kind"] != "positional" for each in arguments):
        words.append(r"[\fIoptions\fR]")
    text.append(" ".join(words))
    blocks = command.get("discussion", "").split("\n\n")
    codes = [block for block in blocks if block.startswith("Exit codes: ")]
    prose = "\n\n".join(block for block in blocks if block not in codes)
    text += [".SH DESCRIPTION", line(escape(command.get("abstract", "")))]
    if prose:
        text += paragraphs(prose)
    if children:
        text.append(".SH COMMANDS")
        for child in children:
            text += [".TP", r"\fB%s\fR(1)" % escape("-".join(path + [child["commandName"]])), line(escape(child.get("abstract", "")))]
    sections = []
    for argument in arguments:
        title = argument.get("sectionTitle") or ("Arguments" if argument["kind"] == "positional" else "Options")
        if title not in sections:
            sections.append(title)
    # As in the help, what has no title of its own comes last.
    for title in sorted(sections, key=lambda title: (title == "Options", title != "Arguments", sections.index(title))):
        text.append('.SH "%s"' % escape(title.upper()))
        for argument in arguments:
            own = argument.get("sectionTitle") or ("Arguments" if argument["kind"] == "positional" else "Options")
            if own == title:
                text += [".TP", synopsis(argument)] + description(argument)
    if len(path) == 1:
        text.append(".SH ENVIRONMENT")
        for variables, meaning in ENVIRONMENT:
            text += [".TP", r"\fB%s\fR" % escape(variables), line(escape(meaning))]
    if codes:
        text += [".SH EXIT STATUS"] + [line(escape(code[len("Exit codes: ") :].replace("\n", " "))) for code in codes]
    others = [path[:-1]] if len(path) > 1 else []
    if len(path) > 2:
        others.insert(0, path[:1])
    if others:
        text += [".SH SEE ALSO"] + [", ".join(r"\fB%s\fR(1)" % escape("-".join(other)) for other in others)]
    return name, "\n".join(text) + "\n"


def pages(command, path, version):
    # The command `help` is the flag --help.
    children = [child for child in shown(command.get("subcommands")) if child["commandName"] != "help"]
    yield page(command, path, version, children)
    for child in children:
        yield from pages(child, path + [child["commandName"]], version)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    program, folder = sys.argv[1:]
    output = lambda flag: subprocess.run([program, flag], check=True, capture_output=True, text=True).stdout
    root = json.loads(output("--experimental-dump-help"))["command"]
    version = output("--version").split("\n")[0]
    os.makedirs(folder, exist_ok=True)
    for name, text in pages(root, [root["commandName"]], version):
        with open(os.path.join(folder, name + ".1"), "w", encoding="ascii") as file:
            file.write(re.sub(r"\n{2,}", "\n", text))


main()
