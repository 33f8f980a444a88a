#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads the console of a boot test; prints who owns what; exits by what it saw."""
import argparse
import re
import sys


def sections(text):
    found, name = {"boot": []}, "boot"
    for line in text.replace("\r", "").split("\n"):
        if line.startswith("=== "):
            name = line[4:]
            found.setdefault(name, [])
        else:
            found[name].append(line)
    return found


def pairs(words):
    return dict(zip(words[::2], words[1::2]))


def read_its(lines):
    """The debugfs lines, one dictionary per ITS, and the facts about all of them."""
    every, rest = [], {}
    for line in lines:
        words = line.split()
        if not words or words == ["none"]:
            continue
        kind = words[0]
        if kind == "its":
            every.append({"base": words[1], **pairs(words[2:]), "tables": [], "l2": []})
        elif kind == "table" and every:
            every[-1]["tables"].append({"n": words[1], **pairs(words[2:])})
        elif kind == "l2" and every:
            every[-1]["l2"].append(pairs(words[1:]))
        elif kind == "rdist":
            rest.setdefault("rdists", []).append({"base": words[1], **pairs(words[2:])})
        elif kind in ("queue", "devices", "pages", "commands") and every:
            first = {"devices": ["devices"]}.get(kind, [])
            every[-1][kind] = pairs(first + words[1:])
        else:
            rest[kind] = words[1:]
    return every, rest


def interrupts(lines):
    counts = {}
    for line in lines:
        words = line.split()
        if words and words[0].endswith(":"):
            numbers = []
            for word in words[1:]:
                if not word.isdigit():
                    break
                numbers.append(int(word))
            counts[" ".join(words[1 + len(numbers):])] = sum(numbers)
    return counts


def decode(its):
    """The small form has the registers only: without NVHE_EL2_DEBUG EL2 is not asked."""
    for t in its["tables"]:
        if "type" in t or "baser" not in t:
            continue
        baser = int(t["baser"], 16)
        psz = 4096 << 2 * (baser >> 8 & 3)
        kinds = {1: "Devices", 2: "vPEs", 4: "Collections"}
        t.update(type=kinds.get(baser >> 56 & 7, "Reserved"), psz=psz,
                 layout="indirect" if baser >> 62 & 1 else "flat",
                 size=((baser & 0xff) + 1) * psz, base=f"0x{baser & 0xfffffffff000:016x}")
    queue = its.get("queue", {})
    if "cbaser" in queue and "size" not in queue:
        cbaser = int(queue["cbaser"], 16)
        queue.update(size=((cbaser & 0xff) + 1) * 4096, base=f"0x{cbaser & 0xffffffffff000:016x}")


def size(text):
    n = int(text)
    for unit in ("", "K", "M", "G"):
        if n < 1024 or n % 1024:
            return f"{n}{unit}"
        n //= 1024
    return f"{n}T"


def print_its(its):
    print(f"ITS at {its['base']}: owner {its.get('owner', '?')}"
          + (f", error {its['error']}" if "error" in its else ""))
    for t in its["tables"]:
        shadow = "" if t.get("shadow", "-") == "-" else f", shadow {t['shadow']}"
        l2 = f", {t['l2']} L2 pages donated" if "l2" in t and t["layout"] == "indirect" else ""
        print(f"  {t['type']:<12} {t['layout']:<9} page {size(t['psz']):<4} size {size(t['size']):<5}"
              f" at {t['base']}  owner {t.get('owner', 'not asked')}{shadow}{l2}")
    if "queue" in its:
        q = its["queue"]
        print(f"  {'Queue':<12} {'':<9} {'':<9} size {size(q['size']):<5}"
              f" at {q['base']}  owner {q.get('owner', 'not asked')}, shadow {q.get('shadow', '-')}")
    if "pages" in its:
        p = its["pages"]
        print(f"  pages: {p.get('owned')} owned, {p.get('donated')} donated, {p.get('returned')} returned", end="")
        if "commands" in its:
            c = its["commands"]
            print(f"; commands: {c.get('posted')} posted, {c.get('refused')} refused", end="")
        print()


def print_rdists(rdists):
    """One line for all of them: a server has hundreds."""
    if not rdists:
        return
    owners = sorted({r.get("owner", "?") for r in rdists})
    lpis = [r for r in rdists if r.get("lpis") == "1"]
    print(f"Redistributors: {len(rdists)} at {rdists[0]['base']}..., owner {' and '.join(owners)}", end="")
    if lpis:
        tables = sorted({r.get("pend_owner", "?") for r in lpis})
        print(f"; {len(lpis)} pending tables, owner {' and '.join(tables)}"
              f"; configuration table at {lpis[0].get('prop')}, shared", end="")
    print()


def faults_of(every):
    """What keeps these ITSs from being EL2's altogether."""
    faults = []
    if not every:
        faults.append("nothing is owned by EL2: this kernel says nothing of the kind in debugfs (kvm/its)")
    for its in every:
        if its.get("owner") != "EL2":
            faults.append(f"ITS {its['base']} is owned by {its.get('owner')}")
            continue
        if not its["tables"]:
            faults.append(f"ITS {its['base']} shows no tables")
        for t in its["tables"]:
            if t.get("owner", "EL2") != "EL2":
                faults.append(f"the {t['type']} table is owned by {t.get('owner')}")
        for l2 in its["l2"]:
            if l2.get("owner") != "EL2":
                faults.append(f"L2 page {l2.get('base')} is owned by {l2.get('owner')}")
        if its.get("queue", {"owner": None}).get("owner", "EL2") != "EL2":
            faults.append("the command queue is not owned by EL2")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--status", type=int, default=0, help="how the guest ended")
    parser.add_argument("console")
    args = parser.parse_args()
    with open(args.console, encoding="utf-8", errors="replace") as f:
        text = f.read()

    found = sections(text)
    faults = []
    mode = re.search(r"Protected (nVHE|hVHE|VHE) mode initialized", text)
    version = re.search(r"Linux version (\S+)", text)
    uname = [s for s in found if s.startswith("uname ")]
    cpus = re.search(r"cpus (\d+)", uname[0]).group(1) if uname else "?"
    print(f"Linux {version.group(1) if version else '?'}, {cpus} CPUs, "
          + (f"protected {mode.group(1)} mode" if mode else "not in protected mode")
          + (", described by ACPI" if "ACPI: Using GIC for interrupt routing" in text else ""))
    if not mode:
        faults.append("the kernel is not in protected mode")

    every, rest = read_its(found.get("its", []))
    for its in every:
        decode(its)
        print_its(its)
    faults += faults_of(every)
    print_rdists(rest.get("rdists", []))
    faults += [f"redistributor {r['base']} is owned by {r.get('owner')}"
               for r in rest.get("rdists", []) if r.get("owner") != "EL2" or r.get("pend_owner", "EL2") != "EL2"]
    if "protected_guests" in rest:
        print("Protected guests:", *rest["protected_guests"])
        if every and rest["protected_guests"] != ["allowed"]:
            faults.append("protected guests are refused")
    if "selftest" in rest:
        print("EL2 self test:", *rest["selftest"], "checks")
    for line in text.replace("\r", "").split("\n"):
        if re.search(r"hand-over failed|WARNING: (CPU|.* at )|BUG: |Unable to handle|hyp panic|Kernel panic|Internal error|Oops", line):
            print("Kernel:", line.strip())
            faults.append("the kernel complained")

    before = interrupts(found.get("interrupts before", []))
    after = interrupts(found.get("interrupts after", []))
    delivered = sum(after.values()) - sum(before.values())
    print(f"MSIs: {sum(after.values())} delivered over {len(after)} vectors,"
          f" {delivered} of them while /dev/hwrng was read")
    if delivered <= 0:
        faults.append("no MSI was delivered")

    if args.status == 124:
        faults.append("the guest did not end in time")
    elif args.status != 0:
        faults.append(f"the guest ended with {args.status}")
    if "end" not in found:
        print("Last lines of the console:")
        print("\n".join("  " + l for l in text.rstrip().split("\n")[-15:]))
    faults = list(dict.fromkeys(faults))
    for fault in faults:
        print("FAIL:", fault)
    print("OK" if not faults else "Not protected." if not every else "Failed.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
