#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What of the GIC was accessed between the marks of bench.c: reads QEMU's trace.

A name is that of ATTEMPTS windows, in the order of the trace. Prints the least of each
as "bench KIND_NAME VALUE". "gits" is how often the registers of the ITS were accessed.
"its" is what of that is an entry each once EL2 owns it: all but GITS_CREADR, which is
read until commands are consumed, and the hypercall that posts them returns it.
"""
import re
import sys

ATTEMPTS = 5
BEGIN, END = 0xffe4, 0xffec
CREADR = 0x90
EVENT = re.compile(r"gicv3_(redist|its)_(read|write) .*?offset 0x([0-9a-f]+) ")


def windows(lines):
    window = None
    for line in lines:
        event = EVENT.search(line)
        if not event:
            continue
        frame, what, offset = event[1], event[2], int(event[3], 16)
        if (frame, what) == ("redist", "read") and offset == BEGIN:
            window = {"its": 0, "gits": 0, "gicr_reads": 0, "gicr_writes": 0}
        elif (frame, what) == ("redist", "read") and offset == END and window is not None:
            yield window
            window = None
        elif window is None:
            continue
        elif frame == "redist":
            window[f"gicr_{what}s"] += 1
        else:
            window["gits"] += 1
            window["its"] += offset != CREADR


def main():
    trace, *names = sys.argv[1:]
    with open(trace, encoding="utf-8", errors="replace") as f:
        found = list(windows(f))
    if not names or len(found) != ATTEMPTS * len(names):
        sys.exit(f"accesses.py: {len(found)} windows in QEMU's trace, for {len(names)} names")
    for i, name in enumerate(names):
        attempts = found[i * ATTEMPTS:][:ATTEMPTS]
        for kind in attempts[0]:
            print(f"bench {kind}_{name} {min(a[kind] for a in attempts)}")


if __name__ == "__main__":
    main()
