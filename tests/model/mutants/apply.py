#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""apply.py list | apply.py schedules [NAME] | apply.py NAME SOURCE-DIR TARGET-DIR

Copies one its_*.c and breaks the copy as mutants.txt says under NAME. Blank lines
and indentation do not matter; what is searched for must be there exactly once.
"schedules" lists those that a scenario of schedule.c finds, or says which one finds NAME.
"""

import pathlib
import sys

TABLE = pathlib.Path(__file__).with_name("mutants.txt")


def stanzas(table=TABLE, words=("file", "why", "schedules"), lists=()):
    """Name -> word -> rest of the line, or a list of them; "edits": [(search lines, replacement lines), ...]"""
    found, name = {}, None
    for line in table.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "mutant":
            name = rest
            found[name] = {"edits": [], **{each: [] for each in lists}}
        elif name and word in words:
            found[name][word] = rest
        elif name and word in lists:
            found[name][word].append(rest)
        elif name and line[:1] in ("-", "+"):
            edits = found[name]["edits"]
            if line[0] == "-" and (not edits or edits[-1][1] or not edits[-1][0]):
                edits.append(([], []))
            edits[-1][line[0] == "+"].append(line[1:])
        elif line and not line.startswith("#"):
            sys.exit(f"{table.name}: {line}")
    return found


def find(lines, search):
    """The (first, end) of each place where the search lines follow each other."""
    code = [(i, line.strip()) for i, line in enumerate(lines) if line.strip()]
    want = [line.strip() for line in search]
    return [(code[at][0], code[at + len(want) - 1][0] + 1)
            for at in range(len(code) - len(want) + 1)
            if [text for _, text in code[at:at + len(want)]] == want]


def apply(mutant, source, target):
    """Raises ValueError if what is searched for is not there exactly once."""
    lines = (source / mutant["file"]).read_text().splitlines()
    for search, replace in mutant["edits"]:
        places = find(lines, search)
        if len(places) != 1:
            raise ValueError(f"found {len(places)} times in {mutant['file']}: {search[0].strip()}")
        first, end = places[0]
        lines[first:end] = replace
    target.mkdir(parents=True, exist_ok=True)
    (target / mutant["file"]).write_text("\n".join(lines) + "\n")


def main():
    if sys.argv[1:] == ["list"]:
        print("\n".join(stanzas()))
    elif sys.argv[1:] == ["schedules"]:
        print("\n".join(name for name, mutant in stanzas().items() if "schedules" in mutant))
    elif len(sys.argv) == 3 and sys.argv[1] == "schedules":
        print(stanzas()[sys.argv[2]].get("schedules", ""))
    elif len(sys.argv) == 4:
        try:
            apply(stanzas()[sys.argv[1]], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
        except ValueError as why:
            sys.exit(f"{sys.argv[1]}: {why}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
