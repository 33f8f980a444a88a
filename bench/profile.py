#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions of an operation go, function by function.

profile.py record QMP CONSOLE LOG: waits until CONSOLE has the line "profile begins", and has
QEMU log each block that it executes, until LOG is large; to be started with -singlestep, so that
a block is an instruction.
profile.py count LOG SYSTEM_MAP BEGIN: prints "FUNCTION INSTRUCTIONS", of a typical
operation, from the call of BEGIN to the next one; before functions of EL2 is "el2:".
profile.py table KERNEL=FILE...: what "count" printed, in one table.
"""
import bisect
import json
import os
import re
import socket
import sys
import time

PC = re.compile(r"^Trace (\d+): \S+ \[[0-9a-f]+/([0-9a-f]+)/")
VECTOR = "__kvm_nvhe___kvm_hyp_host_vector"
SYNC_FROM_EL1 = 0x400
KERNEL = 0xffff800000000000
LIMIT = 200
# Some three million instructions: what repeats the operation has to start first.
BYTES = 300_000_000
# Of what differs by fewer instructions only the sum is shown.
LEAST = 3


def symbols(path):
    """Text of the kernel and of the hypervisor, each sorted by address."""
    kernel, hyp = [], []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            addr, kind, name = line.split()
            if kind not in "tTW" or name.startswith("$"):
                continue
            (hyp if name.startswith("__kvm_nvhe_") else kernel).append((int(addr, 16), name))
    return sorted(kernel), sorted(hyp)


def counters(log, first):
    """What one CPU executed from one call of FUNCTION to the next, for the call in the middle
    when they are sorted by length: others are interrupted. And where below the kernel it
    went from there, how often."""
    open_calls, done, entries, last = {}, [], {}, {}
    with open(log, encoding="ascii", errors="replace") as lines:
        for line in lines:
            match = PC.match(line)
            if not match:
                continue
            cpu, pc = match.group(1), int(match.group(2), 16)
            if pc == first:
                if cpu in open_calls:
                    done.append(open_calls[cpu])
                open_calls[cpu] = {}
            if cpu in open_calls:
                pcs = open_calls[cpu]
                pcs[pc] = pcs.get(pc, 0) + 1
                if pc < KERNEL <= last.get(cpu, 0):
                    entries[pc] = entries.get(pc, 0) + 1
            last[cpu] = pc
    done.sort(key=lambda pcs: sum(pcs.values()))
    return done[len(done) // 2] if done else None, entries


def hyp_offset(entries, hyp):
    """From a symbol's address to where it runs at EL2: one distance for all of its text."""
    vector = next(addr for addr, name in hyp if name == VECTOR) + SYNC_FROM_EL1
    likely = [pc for pc in entries if not (pc - vector) & 0xfff]
    return max(likely, key=entries.get) - vector if likely else None


def is_hyp(hyp, addr):
    return hyp[0][0] <= addr < hyp[-1][0] + 0x1000


def named(table, addr):
    at = bisect.bisect_right(table, (addr, "~")) - 1
    return table[at][1] if at >= 0 else "?"


def count(log, path, function):
    kernel, hyp = symbols(path)
    first = next(addr for addr, name in kernel if name == function)
    done, entries = counters(log, first)
    if not done:
        sys.exit(f"profile.py: {function} was not called twice")
    offset = hyp_offset(entries, hyp)
    sums = {}
    for pc, times in done.items():
        if pc >= KERNEL:
            name = named(kernel, pc)
        elif offset is not None and is_hyp(hyp, pc - offset):
            name = "el2:" + named(hyp, pc - offset).removeprefix("__kvm_nvhe_")
        else:
            continue
        sums[name] = sums.get(name, 0) + times
    for name, times in sorted(sums.items()):
        print(name, times)


def command(file, **request):
    print(json.dumps(request), file=file, flush=True)
    while True:
        answer = json.loads(file.readline())
        if "error" in answer:
            sys.exit(f"profile.py: QEMU says {answer['error']}")
        if "return" in answer:
            return


def set_log(file, what):
    command(file, execute="human-monitor-command", arguments={"command-line": f"log {what}"})


def record(qmp, console, log):
    end = time.monotonic() + LIMIT
    while True:
        with open(console, encoding="utf-8", errors="replace") as f:
            if "profile begins" in f.read():
                break
        if time.monotonic() > end:
            sys.exit("profile.py: the guest does not begin")
        time.sleep(0.2)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT)
        sock.connect(qmp)
        file = sock.makefile("rw")
        command(file, execute="qmp_capabilities")
        set_log(file, "exec,nochain")
        while os.path.getsize(log) < BYTES and time.monotonic() < end:
            time.sleep(0.2)
        set_log(file, "none")


def table(*files):
    """The functions that make up most of the difference, and the sum of the others."""
    columns = {}
    for arg in files:
        kernel, path = arg.split("=")
        with open(path, encoding="utf-8") as f:
            columns[kernel] = {name: float(value) for name, value in map(str.split, f)}
    stock, ours = columns["stock"], columns["patched"]
    names = [n for n in {**stock, **ours} if abs(ours.get(n, 0) - stock.get(n, 0)) >= LEAST]
    print("| | stock | patched |")
    print("|---|---:|---:|")
    for name in sorted(names, key=lambda n: (n.startswith("el2:"), -ours.get(n, 0), n)):
        print(f"| `{name.removeprefix('el2:')}`{', EL2' if name.startswith('el2:') else ''} "
              f"| {stock.get(name, 0):.0f} | {ours.get(name, 0):.0f} |")
    for title, prefix in (("together at EL2", True), ("together in the host", False)):
        print(f"| {title} | " + " | ".join(
            f"{sum(v for n, v in c.items() if n.startswith('el2:') == prefix):.0f}"
            for c in (stock, ours)) + " |")


if __name__ == "__main__":
    {"count": count, "record": record, "table": table}[sys.argv[1]](*sys.argv[2:])
