#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A compromised host, watched from outside.

Boots a kernel with its RAM in a file, lets the guest attack its ITS, and compares
the hypervisor's memory before and after, byte by byte, with what QEMU says the ITS
executed. A patched kernel must not lose a byte; of the stock kernel (--stock) the
attacks must be seen to succeed, or the test does not bite.
"""
import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RAM_BASE = 0x40000000
VICTIM_SIZE = 0x10000
LPI_FIRST, LPI_LAST = 8192, 65535
# Where in the victim the attacks that stock permits write.
ITES, PENDING = (0x0, 0x400), (0x400, 0x2000)
L2_ENTRY, FLAT_ENTRY = (0x4000, 0x4008), (0xFFF8, 0x10000)
VPT_BITS = 16
# What its_shadow_rdist does in the victim: see there. A byte for each way to store, and
# for each redistributor.
RDIST_PEND, RDIST_PROP, RDIST_VPEND, RDIST_VPROP = 0x600, 0x4000, 0x800, 0x5000
RDIST_MAX, RDIST_WAYS = 16, 6
LPI_ENABLED = 0xA1
RDIST_TRACES = ("gicv3_redist_write", "gicv3_icc_iar1_read", "gicv3_icv_iar_read")
# LPIs that Linux uses: some may come while a table is in the victim.
LINUX_PENDING = (0x400, 0x440)


class Report:
    def __init__(self, name):
        self.name, self.failed = name, 0

    def check(self, good, what, why=""):
        if good:
            print(f"ok {self.name}: {what}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {self.name}: {what}{': ' if why else ''}{why}", flush=True)
        return good

    def note(self, text):
        print(f"  # {text}", flush=True)


class Machine:
    """One run of scripts/qemu.sh, with a hand on its clock and its memory."""

    def __init__(self, args, folder, **settings):
        self.out, self.ram = folder + "/console", folder + "/ram"
        self.trace, self.qmp = folder + "/trace", folder + "/qmp"
        self.stopped_at = 0
        env = dict(os.environ)
        env.update(IMAGE=args.image, CPU=args.cpu, SMP=str(args.smp), MEM=f"{args.mem >> 20}M",
                   STOCK=str(int(args.stock)), OUT=self.out, RAM=self.ram, TRACE=self.trace,
                   QMP=self.qmp, LIMIT=str(args.limit), GIC="4" if args.v4 else "3", **settings)
        # Of reads only --rdist wants to know.
        traces = RDIST_TRACES if getattr(args, "rdist", False) else RDIST_TRACES[:1]
        env.setdefault("EXTRA", "")
        env["EXTRA"] += "".join(f" -trace {event}" for event in traces)
        if args.v4:
            env["FILES"] += f" bin/vgic_lpi_stress={args.v4}"
            env["APPEND"] = os.environ.get("APPEND", "") + " kvm-arm.vgic_v4_enable=1"
        self.process = subprocess.Popen([ROOT + "/scripts/qemu.sh"], env=env,
                                        stdout=sys.stderr, stderr=sys.stderr)

    def console(self):
        try:
            with open(self.out, errors="replace") as f:
                return f.read().replace("\r", "")
        except FileNotFoundError:
            return ""

    def wait_for(self, text, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end and self.process.poll() is None:
            if text in self.console():
                return True
            time.sleep(0.02)
        return False

    def stopped(self, action):
        """Runs action() while the machine stands still; its clock does, too."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.qmp)
            stream = s.makefile("rw")

            def command(name):
                stream.write(json.dumps({"execute": name}) + "\n")
                stream.flush()
                for line in stream:
                    if {"return", "error"} & set(json.loads(line)):
                        return

            stream.readline()
            command("qmp_capabilities")
            command("stop")
            result = action()
            command("cont")
            return result

    def read(self, addr, size):
        with open(self.ram, "rb") as f:
            f.seek(addr - RAM_BASE)
            return f.read(size)

    def write(self, addr, data):
        with open(self.ram, "r+b") as f:
            f.seek(addr - RAM_BASE)
            f.write(data)

    def trace_lines(self):
        with open(self.trace, errors="replace") as f:
            return f.read().splitlines()

    def end(self):
        return self.process.wait()


def differing(a, b, first=0, last=None):
    if a[first:last] == b[first:last]:
        return 0
    return sum(x != y for x, y in zip(a[first:last], b[first:last]))


def overlap(a, a_size, b, b_size):
    return a < b + b_size and b < a + a_size


class Law:
    """What EL2 must see to, looked at where it matters: at the ITS."""

    def __init__(self, pool, pool_size, args):
        self.pool, self.pool_size, self.cpus = pool, pool_size, args.smp
        self.page_size, self.ram_size = args.page_size, args.mem
        self.devices, self.vpes, self.registers, self.typer = {}, {}, {}, None
        self.executed, self.names, self.broken = 0, set(), []
        self.gone, self.doubtful = set(), set()
        self.rdists = {}

    def typer_bits(self):
        typer = self.typer or 0
        return ((typer >> 8) & 31) + 1, ((typer >> 13) & 31) + 1, ((typer >> 4) & 15) + 1

    def breach(self, line, why):
        self.broken.append(f"{why}: {re.split('gicv3_(its_)?', line)[-1]}")

    def in_pool(self, addr, size=1):
        return overlap(addr, size, self.pool, self.pool_size)

    def tables(self):
        """What the ITS uses by its registers: none of it can be an ITT as well."""
        for offset, value in self.registers.items():
            if not value >> 63:
                continue
            if offset == 0x80:
                yield value & 0xFFFFFFFFFF000, ((value & 0xFF) + 1) * 4096
            else:
                psz = (4096, 16384, 65536, 65536)[(value >> 8) & 3]
                addr = value & 0xFFFFFFFFF000
                if psz == 65536:
                    addr = value & 0xFFFFFFFF0000 | ((value >> 12) & 15) << 48
                yield addr, ((value & 0xFF) + 1) * psz

    def forgotten(self):
        """
        The queue is programmed anew: what EL2 does not know to be unmapped for
        good counts as mapped again, although the ITS may have executed it.
        """
        self.doubtful |= self.gone
        self.gone = set()

    def unmap(self, line, dev):
        if self.devices.pop(dev, None) is None and dev not in self.doubtful:
            self.breach(line, "unmaps an unknown device")
        self.gone.add(dev)

    def map(self, line, dev, size, itt):
        id_bits, dev_bits, esz = self.typer_bits()
        length = max(esz << (size + 1), self.page_size)
        if dev in self.devices:
            self.breach(line, "maps a device twice")
        if dev >> dev_bits:
            self.breach(line, "device out of range")
        if size + 1 > id_bits:
            self.breach(line, "size out of range")
        if self.in_pool(itt, length):
            self.breach(line, "ITT in hypervisor memory")
        if not RAM_BASE <= itt <= RAM_BASE + self.ram_size - length:
            self.breach(line, "ITT not in memory")
        self.unshared(line, "ITT", dev, itt, length)
        self.devices[dev] = (size, itt, length)
        self.gone.discard(dev)
        self.doubtful.discard(dev)

    def unshared(self, line, what, owner, start, length):
        for other, (_, addr, size) in (*self.devices.items(), *self.vpes.items()):
            if other != owner and overlap(start, length, addr, size):
                self.breach(line, f"{what} shared with {other}")
        for addr, size in self.tables():
            if overlap(start, length, addr, size):
                self.breach(line, f"{what} in a table or in the queue")

    def map_vpe(self, line, vpe, rdbase, valid, vpt, bits):
        vpe, vpt, length = ("vPE", vpe), vpt << 16, 1 << VPT_BITS - 3
        if not valid:
            if self.vpes.pop(vpe, None) is None and vpe not in self.doubtful:
                self.breach(line, "unmaps an unknown vPE")
            self.gone.add(vpe)
            return
        if vpe in self.vpes:
            self.breach(line, "maps a vPE twice")
        if not 14 <= bits + 1 <= VPT_BITS:
            self.breach(line, "VPT size out of range")
        if rdbase >= self.cpus:
            self.breach(line, "RDbase is no redistributor")
        if self.in_pool(vpt, length):
            self.breach(line, "VPT in hypervisor memory")
        if not RAM_BASE <= vpt <= RAM_BASE + self.ram_size - length:
            self.breach(line, "VPT not in memory")
        self.unshared(line, "VPT", vpe, vpt, length)
        self.vpes[vpe] = (bits, vpt, length)
        self.gone.discard(vpe)
        self.doubtful.discard(vpe)

    def event(self, line, values):
        dev, event = values[0], values[1]
        if dev not in self.devices:
            if dev not in self.doubtful:
                self.breach(line, "unknown device")
        elif event >> (self.devices[dev][0] + 1):
            self.breach(line, "event out of range")

    def vpe(self, line, vpe):
        if ("vPE", vpe) not in self.vpes and ("vPE", vpe) not in self.doubtful:
            self.breach(line, "unknown vPE")

    def command(self, line, name, values):
        self.executed += 1
        self.names.add(name)
        if name == "mapd":
            if not values[-1]:
                self.unmap(line, values[0])
        elif name in ("mapti", "mapi", "movi", "discard", "clear", "int", "inv"):
            self.event(line, values)
            lpi = {"mapti": values[-1], "mapi": values[1]}.get(name, LPI_FIRST)
            if not LPI_FIRST <= lpi <= LPI_LAST:
                self.breach(line, "pINTID is no LPI")
        elif name == "mapc":
            if values[2] and values[1] >= self.cpus:
                self.breach(line, "RDbase is no redistributor")
        elif name == "movall":
            if max(values) >= self.cpus:
                self.breach(line, "RDbase is no redistributor")
        elif name == "vmapp":
            self.map_vpe(line, *values)
        elif name in ("vmapti", "vmapi", "vmovi"):
            self.event(line, values)
            self.vpe(line, values[2])
            if not LPI_FIRST <= {"vmapti": values[3], "vmapi": values[1]}.get(name, LPI_FIRST) <= LPI_LAST:
                self.breach(line, "vINTID is no LPI")
        elif name in ("vmovp", "vinvall"):
            self.vpe(line, values[0])
            if name == "vmovp" and values[1] >= self.cpus:
                self.breach(line, "RDbase is no redistributor")
        elif name not in ("sync", "invall", "vsync"):
            self.breach(line, "a command that nobody may give")

    def write(self, line, offset, value, size, attack):
        if offset & ~4 == 0x80:
            self.forgotten()
        if offset != 0x80 and not 0x100 <= offset < 0x140:
            return
        reg, shift = offset & ~7, (offset & 4) * 8
        mask = ((1 << 8 * size) - 1) << shift
        value = self.registers.get(reg, 0) & ~mask | value << shift & mask
        if attack and value != self.registers.get(reg, 0):
            self.breach(line, "table or queue moved")
        self.registers[reg] = value
        if value >> 63 and any(self.in_pool(*table) for table in self.tables()):
            self.breach(line, "table or queue in hypervisor memory")

    def rdist_moved(self, line, offset, value):
        """A register that says where tables are has a new value."""
        if offset == 0x78 and self.in_pool(value & 0xFFFFFFFFF0000, 1 << VPT_BITS - 3):
            self.breach(line, "pending table in hypervisor memory")
        elif offset == 0x70 and self.in_pool(value & 0xFFFFFFFFFF000, 1 << VPT_BITS):
            self.breach(line, "property table in hypervisor memory")
        elif offset == 0x20070 and self.in_pool(value & 0xFFFFFFFFFF000, 1 << VPT_BITS):
            self.breach(line, "virtual configuration in hypervisor memory")
        elif offset == 0x20078 and value >> 63:
            vpt = value & 0xFFFFFFFFF0000
            if self.in_pool(vpt, 1 << VPT_BITS - 3):
                self.breach(line, "resident VPT in hypervisor memory")
            elif vpt not in [addr for _, addr, _ in self.vpes.values()]:
                self.breach(line, "resident VPT of no vPE")

    def rdist_write(self, line, attack):
        numbers = re.search(r"redistributor (0x\w+) write: offset (0x\w+) data (0x\w+) size (\d+)", line)
        cpu, offset, value, size = (int(n, 0) for n in numbers.groups())
        registers = self.rdists.setdefault(cpu, {})
        reg, shift = offset & ~7, (offset & 4) * 8
        if reg not in (0, 0x70, 0x78, 0x20070, 0x20078):
            return
        old = registers.get(reg, 0)
        mask = ((1 << 8 * size) - 1) << shift
        value = old & ~mask | value << shift & mask
        registers[reg] = value
        if reg == 0:
            if attack and (value ^ old) & 1:
                self.breach(line, "EnableLPIs changed")
        elif value != old:
            if attack and reg < 0x20000:
                self.breach(line, "LPI tables moved")
            self.rdist_moved(line, reg, value)

    def follow(self, lines, attack):
        for line in lines:
            if "gicv3_redist_write" in line:
                self.rdist_write(line, attack)
                continue
            numbers = [int(n, 0) for n in re.findall(r"(?<![\w#])(0x[0-9a-f]+|\d+)(?!\w)",
                                                     line.split("gicv3_its_", 1)[-1])]
            match = re.search(r"gicv3_its_(\w+)", line)
            event = match.group(1) if match else ""
            if event == "read" and numbers[0] == 8 and numbers[2] == 8:
                self.typer = numbers[1]
            elif event == "write":
                self.write(line, *numbers[:3], attack)
            elif event.startswith("cmd_"):
                self.command(line, event[4:], numbers)
            elif event == "dte_write" and numbers[1]:
                # QEMU logs the field as it is in the entry, without the low bits.
                self.map(line, numbers[0], numbers[2], numbers[3] << 8)
            elif event == "ite_write" and self.in_pool(numbers[0]):
                self.breach(line, "ITE written to hypervisor memory")


def fact(pattern, text, base=16):
    match = re.search(pattern, text)
    return int(match.group(1), base) if match else None


def owned_tables(console):
    """What debugfs says EL2 owns and which only commands may change."""
    for line in console.splitlines():
        match = re.match(r"fact: (table|l2) .*\bbase (0x[0-9a-f]+)", line)
        if not match:
            continue
        size = re.search(r"\bsize (\d+)", line)
        psz = re.search(r"\bpsz (\d+)", line)
        yield (line[6:].split(" owner")[0], int(match.group(2), 16),
               int((size or psz).group(1)) if size or psz else 65536)


def device_entry(console, device):
    """Where the Device table has this device: address and size of its entry."""
    match = re.search(r"fact: table (\d+) .*type Devices layout indirect psz (\d+) esz (\d+)", console)
    table, psz, esz = (int(n) for n in match.groups())
    base = fact(rf"fact: l2 table {table} index {device * esz // psz} base (0x\w+)", console)
    return base + device * esz % psz, esz


def without(contents, base, entry, size):
    """All but this entry, if it is in there."""
    first = entry - base
    if not 0 <= first < len(contents):
        return contents
    return contents[:first] + bytes(size) + contents[first + size:]


def snapshot(machine, pool, pool_size, console, rdist):
    if rdist:
        plant(machine, pool + pool_size - VICTIM_SIZE)
    first = max(pool, pool + pool_size - (64 << 20))
    return {"victim": machine.read(pool + pool_size - VICTIM_SIZE, VICTIM_SIZE),
            "pool": machine.read(first, pool + pool_size - first),
            "tables": [(name, base, machine.read(base, size))
                       for name, base, size in owned_tables(console)],
            "missed": "MARK attack" in machine.console(),
            "trace": len(machine.trace_lines())}


def compare_patched(report, machine, before, victim, after_victim, remapped):
    changed = differing(before["victim"], after_victim)
    report.check(changed == 0, f"0 bytes changed in hypervisor memory at {victim:#x}",
                 f"{changed} bytes changed")
    for name, base, old in before["tables"]:
        new = machine.read(base, len(old))
        if remapped:
            old, new = without(old, base, *remapped), without(new, base, *remapped)
        first = next((i & ~7 for i, (a, b) in enumerate(zip(old, new)) if a != b), 0)
        report.check(new == old, f"{name} as before", f"{differing(old, new)} bytes changed, "
                     f"first at {first:#x}: {old[first:first + 8].hex()} {new[first:first + 8].hex()}")


def compare_stock(report, before, victim, after, v4):
    attacks = [("MAPD and MAPTI", ITES), ("an L1 entry", L2_ENTRY), ("GITS_BASER", FLAT_ENTRY)]
    if v4:
        attacks.append(("VMAPP, VMAPTI and INT", PENDING))
    for what, (first, last) in attacks:
        changed = differing(before["victim"], after, first, last)
        report.check(changed > 0, f"stock: {what} changed {changed} bytes of hypervisor memory")
    rest = differing(before["victim"], after) - sum(
        differing(before["victim"], after, *part) for _, part in attacks)
    report.check(rest == 0, f"stock: nothing else changed at {victim:#x}", f"{rest} bytes changed")


def rdist_ways(args):
    """The last one is SWP, which cortex-a53 has not."""
    return range(RDIST_WAYS - ("cortex-a53" in args.cpu))


def plant(machine, victim):
    """What EL2 might have there: LPIs enabled, and pending ones for a vPE."""
    machine.write(victim + RDIST_PROP, bytes([LPI_ENABLED] * 2 * RDIST_MAX))
    machine.write(victim + RDIST_VPEND, bytes([1] * RDIST_WAYS))
    machine.write(victim + RDIST_VPROP, bytes([LPI_ENABLED]))


def rdist_marks(args, console):
    """
    The bytes that attacks which succeed leave: offset, value. Where EL2 owns the ITS it
    sends no LPIs to a redistributor without a CPU.
    """
    ways = rdist_ways(args)
    rdists = args.cpus if " owner EL2" in console else args.smp
    marks = [("GICR_PENDBASER", {RDIST_PEND + way * RDIST_MAX + rd: 1
                                 for way in ways for rd in range(rdists)})]
    if args.v4:
        marks.append(("GICR_VPENDBASER", {RDIST_VPEND + way: 0 for way in ways}))
    return marks


def compare_open(report, args, console, before, victim, after):
    """Redistributors which are the host's: each attack leaves its byte, and no other."""
    expected = bytearray(before["victim"])
    for what, marks in rdist_marks(args, console):
        seen = sum(before["victim"][offset] != value == after[offset]
                   for offset, value in marks.items())
        report.check(seen == len(marks), f"open: {what} changed {seen} bytes of hypervisor memory as predicted",
                     "not at " + " ".join(f"{o:#x}" for o, v in marks.items() if after[o] != v))
        for offset, value in marks.items():
            expected[offset] = value
    first, last = LINUX_PENDING
    rest = [i for i in range(len(after)) if after[i] != expected[i] and not first <= i < last]
    report.check(not rest, f"open: nothing else changed at {victim:#x}",
                 f"{len(rest)} bytes, first at {rest[0] if rest else 0:#x}")


def check_open_trace(report, args, lines):
    """Interrupts that only bytes of hypervisor memory have enabled, or made pending."""
    def taken(event):
        return {int(line.split()[-1], 0) for line in lines if event in line}

    lpis = {8192 + RDIST_PROP + way * RDIST_MAX + rd for way in range(2) for rd in range(args.cpus)}
    got = lpis & taken("gicv3_icc_iar1_read")
    report.check(got == lpis, f"open: CPUs took {len(got)} LPIs that bytes of hypervisor memory enable",
                 f"not {sorted(lpis - got)}")
    if args.v4:
        vlpis = {8192 + RDIST_VPROP} | {8 * (RDIST_VPEND + way) for way in rdist_ways(args)}
        got = vlpis & taken("gicv3_icv_iar_read")
        report.check(got == vlpis, f"open: a guest took {len(got)} vLPIs that hypervisor memory enables or holds",
                     f"not {sorted(vlpis - got)}")


def check_open_tests(report, console):
    """On such a kernel only what does not depend on the owner may pass."""
    passed = [name for name in re.findall(r"^ok \d+ (.*)$", console, re.M)
              if not re.search(r"# SKIP|by DC |the property table|EL2's memory", name)]
    failed = re.findall(r"^not ok \d+ (.*)$", console, re.M)
    report.check(failed and not passed, f"open: the program tells of {len(failed)} attacks", f"passed: {passed}")
    report.check(re.search(r"^ok attack: interrupts after", console, re.M), "open: interrupts go on")


def add_totals(console):
    """The totals of all programs that ran, each in its own numbers."""
    totals = {}
    for line in re.findall(r"^# Totals: (.*)$", console, re.M):
        for name, count in re.findall(r"(\w+):(\d+)", line):
            totals[name] = totals.get(name, 0) + int(count)
    return " ".join(f"{name}:{count}" for name, count in totals.items())


def watch(args, report, folder):
    machine = Machine(args, folder, TEST="attack", ARGS_GUEST=",".join(args.run),
                      FILES=" ".join(
                          [f"bin/{os.path.basename(path)}={path}" for path in args.program] +
                          [f"lib/{os.path.basename(path)}={path}" for path in args.module]))
    before = pool = pool_size = None
    fuzz = any("--fuzz" in attack for attack in args.run)
    if machine.wait_for("MARK before", args.limit):
        console = machine.console()
        pool = fact(r"Reserved \d+ MiB at (0x[0-9a-f]+)", console)
        size = fact(r"Reserved (\d+) MiB", console, 10)
        if pool and size:
            pool_size = size << 20
            before = machine.stopped(lambda: snapshot(machine, pool, pool_size, console,
                                                      args.rdist))
    status = machine.end()
    console = machine.console()
    if args.verbose:
        print(console)

    if not report.check(before is not None and not before["missed"], "seen before the attack",
                        f"no marker in time, status {status}"):
        print("\n".join("  " + line for line in console.splitlines()[-30:]))
        return
    victims = {int(victim, 16) for victim in re.findall(r"victim (0x[0-9a-f]+)", console)}
    victim = pool + pool_size - VICTIM_SIZE
    mode = re.search(r"Protected \w+ mode", console)
    report.check(mode is not None, mode.group(0) if mode else "protected mode")
    if not report.check(victims == {victim}, "all aim where we look", f"{victims}"):
        return

    for line in re.findall(r"^# (seed \d+: .*)$", console, re.M):
        report.note(line)
    for line in re.findall(r"^(not ok \d+ .*|ok \d+ .*# SKIP.*|Bail out.*)$", console, re.M):
        report.note(line)
    totals = add_totals(console)
    open_rdists = args.stock and args.rdist
    report.check(totals and (status == 0 or open_rdists and "MARK after" in console),
                 f"the guest goes on, {totals}", f"status {status}")

    after = machine.read(victim, VICTIM_SIZE)
    if open_rdists:
        check_open_tests(report, console)
        compare_open(report, args, console, before, victim, after)
    elif args.stock:
        compare_stock(report, before, victim, after, args.v4)
    else:
        compare_patched(report, machine, before, victim, after,
                        args.remapped and device_entry(console, args.remapped))
        if args.rdist:
            owned = len(re.findall(r"^fact: rdist 0x\w+ owner EL2", console, re.M))
            report.check(owned == args.smp, f"EL2 owns {owned} redistributors", f"not {args.smp}")
    end = machine.read(pool + pool_size - len(before["pool"]), len(before["pool"]))
    pages = sum(before["pool"][i:i + 4096] != end[i:i + 4096] for i in range(0, len(end), 4096))
    report.note(f"EL2 itself used {pages} of {len(end) // 4096} pages of its pool meanwhile")

    law = Law(pool, pool_size, args)
    lines = machine.trace_lines()
    law.follow(lines[:before["trace"]], attack=False)
    at_boot, done = law.broken, law.executed
    law.broken, law.names = [], set() if fuzz else law.names
    law.follow(lines[before["trace"]:], attack=True)
    report.note(f"the ITS executed {done} commands before the attack, {law.executed - done} since: " +
                ", ".join(sorted(law.names)))
    if open_rdists:
        check_open_trace(report, args, lines[before["trace"]:])
        for why in ("pending table in hypervisor memory", "property table in hypervisor memory",
                    "EnableLPIs changed", *(["resident VPT in hypervisor memory",
                                             "virtual configuration in hypervisor memory"] if args.v4 else [])):
            report.check(any(b.startswith(why) for b in law.broken), f"open: trace shows: {why}")
    elif args.stock:
        for why in ("ITT in hypervisor memory", "ITE written to hypervisor memory",
                    "table or queue in hypervisor memory",
                    *(["VPT in hypervisor memory"] if args.v4 else [])):
            report.check(any(b.startswith(why) for b in law.broken), f"stock: trace shows: {why}")
    else:
        if args.v4 and not fuzz and not args.rdist:
            missing = {"vmapp", "vmapti", "vmovp", "vinvall", "vsync"} - law.names
            report.check(not missing, "the ITS executed each vPE command", f"not {missing}")
        for what, broken in (("before", at_boot), ("during", law.broken)):
            report.check(not broken, f"no forbidden command or write reached the ITS {what} the attack",
                         f"{len(broken)}, first: {broken[0] if broken else ''}")


def size(text):
    units = {"k": 10, "m": 20, "g": 30}
    return int(text[:-1]) << units[text[-1].lower()]


def arguments(description):
    """What every attack is told of its machine."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--image", required=True)
    parser.add_argument("--program", nargs="+", required=True, help="what attacks, static for arm64")
    parser.add_argument("--name", default="attack")
    parser.add_argument("--v4", help="GICv4; this program runs guests with vLPIs first")
    parser.add_argument("--stock", action="store_true", help="the attacks must succeed")
    parser.add_argument("--cpu", default="cortex-a53")
    parser.add_argument("--smp", type=int, default=2)
    parser.add_argument("--mem", type=size, default="1G")
    parser.add_argument("--page-size", type=size, default="4k")
    parser.add_argument("--limit", type=int, default=150)
    parser.add_argument("--verbose", action="store_true")
    return parser


def run(args, attack):
    report = Report(args.name)
    with tempfile.TemporaryDirectory(prefix="attack.") as folder:
        attack(args, report, folder)
    sys.exit(report.failed != 0)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--run", nargs="+", required=True,
                        help="what the guest runs, in turn; + joins a program and its arguments")
    parser.add_argument("--module", nargs="+", default=[], help="of the kernel, for the guest")
    parser.add_argument("--remapped", type=lambda text: int(text, 0),
                        help="a device which is unmapped, and mapped with another ITT, by its driver")
    parser.add_argument("--rdist", action="store_true",
                        help="the redistributors; with --stock they are the host's")
    parser.add_argument("--cpus", type=int, default=2, help="how many of them have a CPU of Linux")
    run(parser.parse_args(), watch)


if __name__ == "__main__":
    main()
