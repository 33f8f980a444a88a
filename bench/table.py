#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Turns the raw numbers of a bench, "KERNEL AS NAME VALUE", into one table."""
import argparse
import sys

COUNTS = (1, 64, 512, 4000)
CPUS = (2, 16, 64)
# ITS_BUDGET_CMDS of EL2
BUDGET_COMMANDS = 64
# Of ROOT_PORTS=rng, and the one there always is
DEVICES_MORE = 11
# Of tests/guest/bench.sh
SLEEPS = 1000


class Numbers:
    """The least of what was measured more than once."""

    def __init__(self, lines):
        self.values = {}
        for line in lines:
            kernel, machine, name, value = line.split()
            key = kernel, machine, name
            self.values[key] = min(float(value), self.values.get(key, float("inf")))

    def get(self, kernel, machine, *names):
        """The mean of these; a number that is missing is an error."""
        return sum(self.values[kernel, machine, n] for n in names) / len(names)


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"


class Table:
    def __init__(self, numbers):
        self.n = numbers
        self.rows = []

    def head(self, title):
        self.rows.append((title, None, None, None, None))

    def add(self, title, stock, patched, bound=None, limit=None, of=None, digits=3):
        """limit is for the ratio, or for whatever is given in of."""
        ratio = patched / stock if stock and patched is not None else None
        measured = ratio if of is None else of
        verdict = ""
        if limit is not None:
            verdict = f"{bound}: {'met' if round(measured, digits) <= limit else 'missed'}"
        self.rows.append((title, number(stock), number(patched),
                          "–" if ratio is None else f"{ratio:.3f}", verdict))

    def pair(self, title, machine, *names, **kw):
        self.add(title, self.n.get("stock", machine, *names),
                 self.n.get("patched", machine, *names), **kw)

    def entries(self, title, machine, name, limit=None):
        stock = self.n.get("stock", machine, name)
        patched = self.n.get("patched", machine, name)
        self.rows.append((title, number(stock), number(patched), "–",
                          "" if limit is None else
                          f"≤ {limit}: {'met' if patched <= limit else 'missed'}"))


    def added(self, title, machine, name, limit=None, per=1, less=None):
        """Entries beside those that owning the ITS costs: what software accessed it for,
        on the stock kernel. less is what was taken off the entries already."""
        stock = self.n.get("stock", machine, "entries_" + name)
        patched = self.n.get("patched", machine, "entries_" + name)
        its = self.n.get("stock", machine, "its_" + name)
        if less:
            its -= self.n.get("stock", machine, "its_" + less)
        more = round(patched - stock - its / per, 2)
        what = f"{number(its / per)} for the ITS and {number(more)}"
        if limit is not None:
            what += f" ≤ {limit}: {'met' if more <= limit else 'missed'}"
        self.rows.append((title, number(round(stock, 2)), number(round(patched, 2)), "–", what))


def commands(t):
    t.head("Instructions, protected mode")
    t.pair("affinity of an LPI changed, `smp_affinity` written", "protected",
           "affinity_to_1", "affinity_to_0", bound="≤ 1.10", limit=1.10)
    t.pair("· a write system call alone", "protected", "syscall")
    t.pair("· `irq_set_affinity()` alone: MOVI, SYNC", "protected", "move_to_1", "move_to_0")
    t.pair("LPI masked, `disable_irq()`: INV, SYNC", "protected", "mask",
           bound="≤ 1.25", limit=1.25)
    t.pair("LPI unmasked, `enable_irq()`: INV, SYNC", "protected", "unmask",
           bound="≤ 1.25", limit=1.25)
    t.pair("device created by the driver: MAPD", "protected", "mapd", bound="≤ 2", limit=2)
    t.pair("device destroyed by the driver: MAPD", "protected", "unmapd", bound="≤ 2", limit=2)
    t.pair("MSI-X device with two vectors bound", "protected", "bind")
    t.pair("MSI-X device with two vectors unbound", "protected", "unbind")
    t.pair("VM with two vPEs created, GICv4", "gicv4", "vm_create")
    t.pair("VM with two vPEs destroyed, GICv4", "gicv4", "vm_destroy")

    t.head("Entries into EL2")
    t.entries("an affinity change", "protected", "entries_affinity", 1)
    t.entries("masking or unmasking", "protected", "entries_mask", 1)
    t.entries("MAPD by the driver", "protected", "entries_mapd")
    t.entries("an MSI-X device with two vectors unbound and bound", "protected", "entries_rebind")
    t.entries("a VM with two vPEs created and destroyed, GICv4", "gicv4", "entries_vm")
    t.entries("a delivered LPI", "protected", "entries_lpi", 0)


def accesses(t):
    t.head("Accesses to the registers of the ITS")
    for title, name, per in (("an affinity change", "affinity", 16),
                             ("masking or unmasking", "mask", 16), ("MAPD by the driver", "mapd", 32),
                             ("an MSI-X device with two vectors unbound and bound", "rebind", 8)):
        stock, patched = (t.n.get(k, "protected", f"gits_{name}") / per
                          for k in ("stock", "patched"))
        t.add(title, stock, patched, bound="fewer than stock", limit=0.9999, digits=4)


def scale(t):
    """To the last CPU and back."""
    def cost(kernel, nr):
        return t.n.get(kernel, f"smp{nr}", "affinity_to_last", "affinity_to_0")

    t.head("Instructions, affinity changed to the last of so many CPUs, and back")
    for nr in CPUS:
        growth = (cost("patched", nr) / cost("patched", CPUS[0])) / \
                 (cost("stock", nr) / cost("stock", CPUS[0]))
        t.add(str(nr), cost("stock", nr), cost("patched", nr),
              **({"bound": f"{growth:.3f} of the growth of stock, ≤ 1.02", "limit": 1.02,
                  "of": growth} if nr != CPUS[0] else {}))
    t.head("Instructions, `finalize_pkvm()` with so many CPUs, interrupts off in most of it")
    for nr in CPUS:
        t.pair(str(nr), f"smp{nr}", "finalize")


def redistributors(t):
    t.head("Entries into EL2, and what redistributors add")
    t.entries("an IPI", "protected", "entries_ipi", 0)
    t.entries("a PPI masked or unmasked", "protected", "entries_ppi", 0)
    t.entries("a delivered vLPI, GICv4", "gicv4", "entries_vlpi", 0)
    t.added("a vCPU that sleeps and wakes, GICv4", "gicv4", "sleep", limit=2,
            per=SLEEPS, less="sleep_none")
    t.added("a CPU taken offline and online", "protected", "hotplug", limit=1)
    t.added("`vgic_lpi_stress`, 512 interrupts, GICv4: all of it", "gicv4", "stress")
    t.head("Instructions where redistributors are accessed")
    t.pair("PPI masked, `disable_percpu_irq()`", "protected", "ppi_mask")
    t.pair("PPI unmasked, `enable_percpu_irq()`", "protected", "ppi_unmask")
    t.pair("a vCPU that sleeps and wakes, GICv4", "gicv4", "sleep", bound="≤ 1.10", limit=1.10)
    t.head("Accesses to redistributors, for a vCPU that sleeps and wakes, GICv4")
    for title, name in (("reads", "gicr_reads"), ("writes", "gicr_writes")):
        t.add(title, *(round((t.n.get(kernel, "gicv4", f"{name}_sleep") -
                              t.n.get(kernel, "gicv4", f"{name}_sleep_none")) / SLEEPS, 2)
                       for kernel in ("stock", "patched")))


def growth(t):
    t.head("Instructions, with so many devices mapped")
    for title, *names in (("device created and destroyed by the driver", "mapd", "unmapd"),
                          ("MAPD; MAPD V=0 and SYNC, written into the queue", "mapd_raw")):
        first = {}
        for count in COUNTS:
            cost = {k: sum(t.n.get(k, "protected", f"{n}_{count}") for n in names)
                    for k in ("stock", "patched")}
            first = first or cost
            growth = cost["patched"] / first["patched"]
            last = count == COUNTS[-1]
            t.add(f"{title}: {count:,}", cost["stock"], cost["patched"],
                  **({"bound": f"{growth:.3f} of that with 1, ≤ 1.05", "limit": 1.05,
                      "of": growth} if last else {}))


def longest(t):
    """One command may exceed the budget of an entry: the costliest one there is."""
    def get(name):
        return t.n.get("patched", "longest", name)

    small = max(get("alone_map_small"), get("alone_sync_small"), get("alone_sync"))
    largest = max(get(f"alone_{n}") for n in ("map_largest_l2", "map_largest", "sync_largest"))
    budget = BUDGET_COMMANDS * small + largest
    itt = f"{get('size_itt') / 1024:.0f}K"
    t.head("Longest entry into EL2 in instructions, 2,047 commands queued by one write")
    for name, what in (("cheap", "INT, SYNC"), ("itt", f"ITT of {itt} mapped, unmapped"),
                       ("mixed", f"63 ITTs of a page, {itt} and L2 page")):
        t.add(f"{what}: longest of {get('number_' + name):,.0f}", None, get("longest_" + name))
    t.add("the ITS disabled, INT and SYNC outstanding", None, get("longest_disable"))
    t.add("the ITS enabled, INT and SYNC outstanding", None, get("longest_enable"))
    whole = max(get("longest_" + n) for n in ("cheap", "itt", "mixed", "disable", "enable"))
    t.add("the longest of all", None, whole, of=whole, limit=budget,
          bound=f"≤ {budget:,.0f}, a budget and the largest command")
    t.head("Instructions, an entry with a single command")
    for name, what in (("sync", "SYNC"), ("map_small", "an ITT of a page mapped"),
                       ("sync_small", "· returned by the SYNC behind its unmap"),
                       ("map_largest", f"an ITT of {itt} mapped"),
                       ("map_largest_l2",
                        f"· with {get('size_l2') / 1024:.0f}K of L2 page and records"),
                       ("unmap_largest", "· its unmap"),
                       ("sync_largest", "· returned by the SYNC behind it")):
        t.add(what, None, get("alone_" + name))


def hand_over(t):
    def boot(kernel, machine="boot"):
        return t.n.get(kernel, machine, "finalize")

    def more(machine):
        return boot("patched", machine) - boot("stock", machine)

    pages = t.n.get("patched", "boot-more", "pages_owned") - t.n.get("patched", "boot", "pages_owned")
    further = (more("boot-more") - more("boot")) / pages
    rdist = (more(f"smp{CPUS[-1]}") - more(f"smp{CPUS[0]}")) / (CPUS[-1] - CPUS[0])
    its = more("boot") - CPUS[0] * rdist
    t.head("Instructions, hand-over of one ITS at boot, no device mapped")
    t.add("`finalize_pkvm()`", boot("stock"), boot("patched"))
    t.add("the hand-over: what is more in it", None, more("boot"))
    t.add(f"· each redistributor, from {CPUS[0]} to {CPUS[-1]}", None, rdist)
    t.add("· the ITS: the rest", None, its, bound="≤ 1,000,000", limit=1e6, of=its)
    t.add(f"· each further page, with 11 devices ({pages:.0f})", None, further,
          bound="≤ 2,000", limit=2000, of=further)
    # As many redistributors as were measured, more devices than a machine here can have.
    device = further * pages / (DEVICES_MORE - 1)
    t.add("· each further device, with 11", None, device)
    t.add(f"`finalize_pkvm()`, {CPUS[-1]} CPUs, and {COUNTS[-1]:,} devices by the row above",
          boot("stock", f"smp{CPUS[-1]}"), boot("patched", f"smp{CPUS[-1]}") + COUNTS[-1] * device)


def memory(t):
    def owned(machine, name="pages_owned"):
        return t.n.get("patched", machine, name)

    device = (owned("protected", f"pages_owned_{COUNTS[-1]}") -
              owned("protected", f"pages_owned_{COUNTS[1]}")) / (COUNTS[-1] - COUNTS[1])
    cpu = (owned(f"smp{CPUS[-1]}", "pages_pending") -
           owned(f"smp{CPUS[0]}", "pages_pending")) / (CPUS[-1] - CPUS[0])
    t.head("Pages of 4K that EL2 owns, for each of them")
    for title, pages in (("device: its ITT, its share of an L2 page", device),
                         ("vPE: its VPT", owned("gicv4", "pages_vpe")),
                         ("CPU: its pending table", cpu),
                         ("ITS: its tables, its queue, EL2's records of it",
                          owned(f"smp{CPUS[0]}"))):
        t.add(title, None, round(pages, 2))
    t.head("Pages of 4K, one device mapped")
    for title, name in (("owned by EL2", "pages_owned"),
                        ("· of these not the driver's before: records, state",
                         "pages_records_state"),
                        ("shadows, the host's", "pages_shadow")):
        t.add(title, None, t.n.get("patched", "protected", name))


def untouched(t):
    for machine, title in (("nvhe", "`kvm-arm.mode=nvhe`"), ("nokvm", "without KVM")):
        t.head(f"Instructions, {title}")
        for row, *names in (("affinity of an LPI changed", "affinity_to_1", "affinity_to_0"),
                            ("LPI masked", "mask"), ("LPI unmasked", "unmask"),
                            ("device created by the driver", "mapd"),
                            ("device destroyed by the driver", "unmapd")):
            t.pair(row, machine, *names, bound="1.00", limit=1.0, digits=2)


def markdown(rows):
    yield "| | stock | patched | ratio | bound |"
    yield "|---|---:|---:|---:|---|"
    for title, stock, patched, ratio, bound in rows:
        if stock is None:
            yield f"| **{title}** | | | | |"
        else:
            yield f"| {title} | {stock} | {patched} | {ratio} | {bound} |"


def plain(rows):
    yield f"{'':60} {'stock':>10} {'patched':>10} {'ratio':>7}  bound"
    for title, stock, patched, ratio, bound in rows:
        title = title.replace("`", "")
        if stock is None:
            yield title
        else:
            yield f"  {title:58} {stock:>10} {patched:>10} {ratio:>7}  {bound}".rstrip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plain", action="store_true", help="for a terminal")
    parser.add_argument("--longest", action="store_true", help="only the longest entry")
    parser.add_argument("raw")
    args = parser.parse_args()
    with open(args.raw, encoding="utf-8") as f:
        table = Table(Numbers(f))
    try:
        for part in (longest,) if args.longest else (commands, accesses, redistributors, scale, growth,
                                                     longest, hand_over, memory, untouched):
            part(table)
    except KeyError as missing:
        sys.exit(f"table.py: no number for {missing}")
    print("\n".join((plain if args.plain else markdown)(table.rows)))


if __name__ == "__main__":
    main()
