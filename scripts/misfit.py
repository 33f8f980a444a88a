#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""misfit.py TREE PATCH: which files and hunks of a patch do not apply to a tree, and why.

Exits with 1 if it finds none.
"""
import difflib
import os
import re
import sys

HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")


def hunk_lines(lines, at, old, new):
    """The lines of one hunk, which has as many as its header says."""
    body = []
    while at < len(lines) and (old > 0 or new > 0):
        line = lines[at]
        if not line.startswith("\\"):
            old -= line[:1] != "+"
            new -= line[:1] != "-"
        body.append(line)
        at += 1
    return body, at


def parse(text):
    """[path, is it new, [(header, line number, hunk)]] for each file."""
    files, lines, at = [], text.split("\n"), 0
    while at < len(lines):
        match = HUNK.match(lines[at])
        if lines[at].startswith("diff --git a/"):
            files.append([lines[at].rsplit(" b/", 1)[1], False, []])
        elif lines[at].startswith("new file mode") and files:
            files[-1][1] = True
        elif match and files:
            count = [int(n) if n else 1 for n in match.group(2, 3)]
            body, end = hunk_lines(lines, at + 1, *count)
            files[-1][2].append((lines[at], int(match.group(1)), body))
            at = end - 1
        at += 1
    return files


def side(body, sign):
    return [l[1:] for l in body if l[:1] in (" ", sign) or l == ""]


def find(lines, wanted):
    """Where wanted begins in lines, -1 if it does not."""
    for i in range(len(lines) - len(wanted) + 1):
        if lines[i:i + len(wanted)] == wanted:
            return i
    return -1


def nearest(lines, wanted, guess):
    """Where lines is most like wanted; near to guess if that says nothing."""
    where = {}
    for i, line in enumerate(lines):
        where.setdefault(line, []).append(i)
    votes = {}
    for k, line in enumerate(wanted):
        for i in where.get(line, []) if line.strip(" \t{}") else []:
            votes[i - k] = votes.get(i - k, 0) + 1 / len(where[line])
    if not votes:
        return max(0, guess - 1)
    return max(0, max(votes, key=lambda i: (votes[i], -abs(i - guess))))


def why(lines, number, body):
    """Why a hunk finds no place: what it wants and what is there."""
    wanted = side(body, "-")
    at = find(lines, side(body, "+"))
    if at >= 0:
        return [f"line {at + 1} and those after it already are as the hunk would make them"]
    at = nearest(lines, wanted, number)
    found = lines[at:at + len(wanted)]
    out = [f"it looks most like line {at + 1} and those after it, where - is what the patch expects, + what is there:"]
    diff = difflib.unified_diff(wanted, found, lineterm="", n=1)
    return out + ["  " + l for l in list(diff)[2:] if not l.startswith("@@")]


def misfits(tree, path, new, hunks):
    """One list of lines for each thing that does not fit."""
    full = os.path.join(tree, path)
    if new:
        return [[f"{path}: it is new in the patch, but exists"]] if os.path.exists(full) else []
    if not os.path.exists(full):
        return [[f"{path}: there is no such file"]]
    with open(full, encoding="utf-8", errors="surrogateescape") as f:
        lines = f.read().split("\n")
    out = []
    for nr, (header, number, body) in enumerate(hunks, 1):
        if find(lines, side(body, "-")) < 0:
            out.append([f"{path}: hunk {nr} of {len(hunks)}: {header}"] + why(lines, number, body))
    return out


def main(tree, patch):
    with open(patch, encoding="utf-8", errors="surrogateescape") as f:
        files = parse(f.read())
    bad = [m for path, new, hunks in files for m in misfits(tree, path, new, hunks)]
    sys.stdout.reconfigure(errors="replace")
    for first, *rest in bad:
        print("  " + first)
        for line in rest:
            print("    " + line)
    return 0 if bad else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
