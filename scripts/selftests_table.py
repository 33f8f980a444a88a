#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""selftests_table.py [--slower] STOCK OURS: how each KVM selftest ended on both, in one table.

--slower: only the names of those which pass on stock and take too long on ours.
Fails if one that passes on stock does not pass on ours, or one that is skipped there fails.
"""
import sys

WORDS = {0: "pass", 4: "skip", 98: "crash", 99: "warning", 137: "time"}


def results(path):
    found = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split(None, 4)
            if words and words[0] == "each":
                why = words[4].strip() if len(words) > 4 else ""
                status = int(words[2])
                found[words[1]] = (WORDS.get(status, "fail"), int(words[3]), "" if status == 0 else why)
    return found


def main():
    stock, ours = results(sys.argv[-2]), results(sys.argv[-1])
    if sys.argv[1] == "--slower":
        for name, was in stock.items():
            if was[0] == "pass" and ours.get(name, was)[0] == "time":
                print(name)
        return 0
    none = ("none", 0, "")
    names = sorted(set(stock) | set(ours))
    width = max(map(len, names), default=0)
    print(f"| {'selftest':<{width}} | stock   |    s | ours    |    s | why not |")
    print(f"|{'-' * (width + 2)}|---------|------|---------|------|---------|")
    worse = []
    for name in names:
        was, now = stock.get(name, none), ours.get(name, none)
        why = now[2] or was[2]
        if now[2] and was[2] and now[2] != was[2] and now[0] != was[0]:
            why = f"stock: {was[2]}; ours: {now[2]}"
        print(f"| {name:<{width}} | {was[0]:<7} | {was[1]:>4} | {now[0]:<7} | {now[1]:>4} | {why} |")
        if (was[0] == "pass" and now[0] != "pass") or (was[0] == "skip" and now[0] not in ("pass", "skip")):
            worse.append((name, was[0], now[0]))
    count = [sum(r[name][0] == "pass" for name in r) for r in (stock, ours)]
    print(f"{len(names)} selftests: {count[0]} pass on stock, {count[1]} on ours")
    for name, was, now in worse:
        print(f"FAIL: {name}: {was} on stock, {now} on ours")
    print("OK: what passes on stock passes on ours" if not worse and count[0] else "Failed.")
    return 1 if worse or not count[0] else 0


sys.exit(main())
