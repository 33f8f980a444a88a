#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rewrites the mail headers of patches.

patchmail.py normalise 'Name <mail>' DATE FILE...   one author, one date
patchmail.py sign 'Name <mail>' FILE...             author, Signed-off-by
patchmail.py address TO-FILE CC-FILE FILE...        To and Cc headers
patchmail.py maintainer 'Name <mail>' BASE-FILE     MAINTAINERS from stdin to stdout: this
        one's M: line in each entry that BASE-FILE has not and that has none
"""
import sys


def split(text):
    head, _, body = text.partition("\n\n")
    fields = []
    for line in head.split("\n"):
        if line[:1] in (" ", "\t") and fields:
            fields[-1] += "\n" + line
        else:
            fields.append(line)
    return fields, body


def set_field(fields, name, value):
    fields = [f for f in fields if not f.startswith(name + ":")]
    fields.insert(1, f"{name}: {value}")
    return fields


def normalise(fields, body, who, date):
    out = []
    for field in fields:
        if field.startswith("From:"):
            field = "From: " + who
        elif field.startswith("Date:"):
            field = "Date: " + date
        out.append(field)
    return out, body


def sign(fields, body, who):
    fields = [("From: " + who) if f.startswith("From:") else f for f in fields]
    signed = f"Signed-off-by: {who}"
    message, sep, rest = body.partition("\n---\n")
    if not sep:
        return fields, body
    last = message.rstrip().rsplit("\n\n", 1)[-1]
    trailers = all(":" in l.split(" ", 1)[0] for l in last.split("\n"))
    joint = "\n" if trailers and message.strip() else "\n\n"
    return fields, message.rstrip() + joint + signed + sep + rest


def address(fields, body, to, cc):
    for name, people in (("Cc", cc), ("To", to)):
        if people:
            fields = set_field(fields, name, ",\n\t".join(people))
    return fields, body


def entries(text):
    """title: its lines, for each entry of a MAINTAINERS file."""
    return {e.split("\n", 1)[0]: e.split("\n")[1:] for e in text.split("\n\n")}


def maintainer(text, base, who):
    known = entries(base)
    for title, fields in entries(text).items():
        if title in known or not fields or not fields[0][1:3] == ":\t":
            continue
        if not any(f.startswith("M:") for f in fields):
            text = text.replace(f"\n\n{title}\n", f"\n\n{title}\nM:\t{who}\n", 1)
    return text


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [l.strip() for l in f if l.strip()]


def main(argv):
    verb = argv[0] if argv else ""
    if verb == "maintainer" and len(argv) == 3:
        with open(argv[2], encoding="utf-8") as f:
            sys.stdout.write(maintainer(sys.stdin.read(), f.read(), argv[1]))
        return
    if verb == "normalise":
        args, files = argv[1:3], argv[3:]
    elif verb == "sign":
        args, files = argv[1:2], argv[2:]
    elif verb == "address":
        args, files = [lines(argv[1]), lines(argv[2])], argv[3:]
    else:
        sys.exit(__doc__)
    action = {"normalise": normalise, "sign": sign, "address": address}[verb]
    for path in files:
        if path.endswith("*.patch"):
            continue        # the shell found none
        with open(path, encoding="utf-8", newline="") as f:
            fields, body = action(*split(f.read()), *args)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write("\n".join(fields) + "\n\n" + body)


if __name__ == "__main__":
    main(sys.argv[1:])
