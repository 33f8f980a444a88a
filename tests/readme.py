#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the README say what there is? "boot": the report of make boot, on the standard input, in
all but addresses and what differs from boot to boot. "costs": the numbers of bench/RESULTS.md."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHECKS = re.compile(r"^EL2 self test: (\d+) checks$", re.M)

# What the README calls it, and the row of RESULTS.md.
COSTS = (
    (r"an LPI's affinity changed ([\d.]+) times", "affinity of an LPI changed"),
    (r"masked ([\d.]+) times", "LPI masked"),
    (r"MSI-X device bound ([\d.]+) times", "MSI-X device with two vectors bound"),
)


def same_everywhere(report):
    report = re.sub(r"0x[0-9a-f]+", "0x", report)
    report = re.sub(r"^Linux [0-9.]+", "Linux", report)
    report = re.sub(r"MSIs: \d+ delivered", "MSIs: delivered", report)
    return CHECKS.sub("EL2 self test", report).strip().splitlines()


def boot():
    """How much memory the self test looks at depends on the kernel's size."""
    shown = re.search(r"```\n(Linux 7.*?)```", README, re.S).group(1)
    seen = sys.stdin.read()
    for a, b in zip(same_everywhere(shown), same_everywhere(seen) + [""] * 99):
        if a != b:
            return f"the README has '{a}', the report '{b}'"
    ratio = int(CHECKS.search(shown).group(1)) / int(CHECKS.search(seen).group(1))
    return None if 0.5 < ratio < 2 else f"{CHECKS.search(seen).group(0)}, the README has another order"


def costs():
    results = (ROOT / "bench/RESULTS.md").read_text(encoding="utf-8")
    text = " ".join(README.split())
    for pattern, row in COSTS:
        shown = float(re.search(pattern, text).group(1))
        ratio = float(re.search(rf"^\| {re.escape(row)}.*?\| [\d,.]+ \| [\d,.]+ \| ([\d.]+) \|",
                                results, re.M).group(1))
        if abs(shown - ratio) > 0.006:
            return f"{row}: the README has {shown}, RESULTS.md {ratio}"
    return None


def main():
    what = {"boot": boot, "costs": costs}
    if len(sys.argv) != 2 or sys.argv[1] not in what:
        sys.exit(f"usage: readme.py {'|'.join(what)}")
    wrong = what[sys.argv[1]]()
    print(f"not ok {sys.argv[1]}: {wrong}" if wrong else f"ok the README has what is seen: {sys.argv[1]}")
    sys.exit(1 if wrong else 0)


main()
