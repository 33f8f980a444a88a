#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""coverage.py collect PCS < LOG | coverage.py report OPTIONS PCS...

collect: the addresses of instructions in what QEMU writes with -d in_asm, each once, but
for those of the kernel proper. report: which lines of EL2's its_*.c they are, see coverage.sh.
"""

import argparse
import bisect
import os
import pathlib
import re
import subprocess
import sys

# Called in each boot that ends with the ITS in EL2's hands. With them the distance is found
# between where these functions run and where they are linked.
ALWAYS = ("__pkvm_its_handover_done", "__pkvm_rdist_handover", "__pkvm_its_handover",
          "hyp_mmio_donate", "hyp_its_donate", "hyp_its_setup")
DEBUG = re.compile(r"its_(selftest|check)")


def collect(target):
    """EL2 has the lower half of the address space: 12 digits at most."""
    pcs, rest = set(), b""
    pattern = re.compile(rb"^0x([0-9a-f]{1,12}):", re.M)
    while True:
        chunk = os.read(0, 1 << 20)
        if not chunk:
            break
        chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        pcs.update(pattern.findall(chunk, 0, end))
        rest = chunk[end:]
    pathlib.Path(target).write_bytes(b"\n".join(sorted(pcs)) + b"\n")


def read_pcs(name):
    return {int(word, 16) for word in pathlib.Path(name).read_bytes().split()}


def hyp_symbols(lines):
    """Name -> addresses, of EL2's functions, from the lines of nm."""
    symbols = {}
    for line in lines:
        address, kind, name = line.split()[-3:]
        if kind in "tT" and name.startswith("__kvm_nvhe_"):
            symbols.setdefault(name[len("__kvm_nvhe_"):], set()).add(int(address, 16))
    return symbols


def check_same(built, linked):
    """The object with lines is the code that ran: all functions are where they were."""
    (first,), (there,) = built[ALWAYS[0]], linked[ALWAYS[0]]
    begin = there - first
    differ = [name for name, where in built.items()
              if linked.get(name) != {address + begin for address in where}]
    if differ:
        sys.exit(f"coverage.py: not the code that ran: {', '.join(sorted(differ)[:5])}")


def load_address(runs, built):
    """Where EL2's text begins as it runs: at a page, and at the same in each of the runs."""
    found = None
    for pcs in runs:
        for name in ALWAYS:
            (offset,) = built[name]
            places = {pc - offset for pc in pcs if not (pc - offset) & 0xfff}
            found = places if found is None else found & places
    if len(found) != 1:
        sys.exit(f"coverage.py: {len(found)} places where EL2 could have run")
    return found.pop()


def line_rows(objdump, obj):
    """(file, line, first address, end) of each row of the line table."""
    out = subprocess.run([objdump, "--dwarf=decodedline", "--wide", obj], capture_output=True, text=True, check=True).stdout
    rows, same = [], []
    for text in out.splitlines():
        match = re.match(r"(\S+\.[chS])\s+(\d+|-)\s+(0x[0-9a-f]+|0)\b", text)
        if not match:
            continue
        name, line, address = match[1], match[2], int(match[3], 16)
        # Several lines may begin at the same instruction.
        if same and address > same[0][2]:
            rows.extend((*row, address) for row in same)
            same = []
        if line == "-":
            same = []
        else:
            same.append((name, int(line), address))
    return rows


def covered_lines(rows, executed):
    """File -> line -> was one of its instructions executed?"""
    executed = sorted(executed)
    files = {}
    for name, line, first, end in rows:
        at = bisect.bisect_left(executed, first)
        hit = at < len(executed) and executed[at] < end
        lines = files.setdefault(name, {})
        lines[line] = lines.get(line, False) or hit
    return files


def model_lines(name):
    """The same of llvm-cov show."""
    files, lines = {}, {}
    for text in pathlib.Path(name).read_text(errors="replace").splitlines():
        match = re.match(r"(/\S*/)?([^/\s]+\.[ch]):$", text)
        if match:
            lines = files.setdefault(match[2], {})
            continue
        match = re.match(r"\s*(\d+)\|\s*([0-9.]+[kMGTPEZY]?)\|", text)
        if match:
            lines[int(match[1])] = lines.get(int(match[1]), False) or match[2] != "0"
    return files


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def report(args):
    nm = subprocess.run([args.cross + "nm", "--defined-only", args.object],
                        capture_output=True, text=True, check=True).stdout
    built = hyp_symbols(nm.splitlines())
    its = {name: where for name, where in built.items()
           if re.match(r"(hyp_|pkvm_|__pkvm_)?(its|rdist)", name)}
    check_same(its, hyp_symbols(pathlib.Path(args.map).read_text().splitlines()))

    runs = [read_pcs(name) for name in args.pcs]
    start = load_address(runs, built)
    booted = covered_lines(line_rows(args.cross + "objdump", args.object), {pc - start for pcs in runs for pc in pcs})
    model = model_lines(args.model) if args.model else {}

    names = sorted(path.name for path in pathlib.Path(args.source).glob("its_*.c")
                   if not DEBUG.match(path.name) and path.name in booted)
    if not names:
        sys.exit("coverage.py: no line of its_*.c in the line table")
    print("| file | lines | booted | | user space | | neither |")
    print("|---|---|---|---|---|---|---|")
    total = [0] * 5
    with open(args.text, "w") as text:
        for name in names:
            lines = booted[name]
            both = model.get(name, {})
            hit = sum(lines.values())
            in_model = sum(both.get(line, False) for line in lines)
            neither = sum(not was and not both.get(line, False) for line, was in lines.items())
            # The compilers differ in which lines have code.
            known = sum(line in both for line in lines)
            row = [len(lines), hit, in_model, known, neither]
            total = [a + b for a, b in zip(total, row)]
            print_row(name, row, name in model)
            for nr, source in enumerate(pathlib.Path(args.source, name).read_text().splitlines(), 1):
                mark = "    " if nr not in lines else "b" if lines[nr] else "-"
                mark += "" if nr not in lines else " m  " if both.get(nr) else " -  "
                text.write(f"{name}:{nr:5} {mark:4}{source}\n")
    print_row("all", total, bool(model))
    print(f"line by line (b booted, m in user space, - not): {args.text}")


def print_row(name, row, has_model):
    lines, hit, in_model, known, neither = row
    user = (in_model, percent(in_model, known), neither) if has_model else ("-", "-", "-")
    print(f"| {name} | {lines} | {hit} | {percent(hit, lines)} | {user[0]} | {user[1]} | {user[2]} |")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "collect":
        collect(sys.argv[2])
        return
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("command", choices=["report"])
    for option in ("--object", "--map", "--source", "--text"):
        parser.add_argument(option, required=True)
    parser.add_argument("--model")
    parser.add_argument("--cross", default="aarch64-linux-gnu-")
    parser.add_argument("pcs", nargs="+")
    report(parser.parse_args())


if __name__ == "__main__":
    main()
