#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Firmware that restores an ITS over a loss of power, and a host that enables it.

Such firmware (TF-A's gicv3_its_restore()) writes GITS_CBASER, which makes GITS_CREADR
0, GITS_CWRITER as it was, and the tables: the ITS takes what it executed long ago for
new. Boots a kernel, lets the guest run tests/replay.c, and at its marks plays this
firmware through QEMU's gdb stub while the machine stands still. A patched kernel
must not let the ITS execute any of it again, and no byte of the pages that the
host has back may change; of the stock kernel (--stock) both must be seen, or the
test does not bite.
"""
import re
import socket

from attack_its import RAM_BASE, Law, Machine, arguments, differing, fact, run

ITS_FRAME = 0x8080000
GITS_CTLR, GITS_CBASER, GITS_CWRITER, GITS_CREADR, GITS_BASER = 0, 0x80, 0x88, 0x90, 0x100
ENABLED = 1
DEVICE = 0x700
PATTERN = 0x5A
VPT_SIZE = (1 << 16) // 8
# Each takes two marks of tests/replay.c: the firmware's turn, and a look at the memory.
ROUNDS = (
    # name, are the device's pages in it, is the ITS on when the power goes, and after the firmware
    ("commands of the driver, firmware enables", False, True, True),
    ("firmware enables", True, True, True),
    ("host disables, host enables", True, False, False),
    ("host enables", True, True, False),
)


class Stub:
    """QEMU's gdb stub: registers at their physical address, past EL2 and the CPUs."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.send(b"+")
        if self.ask("Qqemu.PhyMemMode:1") != "OK":
            raise OSError("the gdb stub has no physical memory mode")

    def send(self, data):
        self.socket.sendall(data)

    def packet(self):
        while self.stream.read(1) != b"$":
            pass
        data = b""
        while not data.endswith(b"#"):
            data += self.stream.read(1)
        self.stream.read(2)
        self.send(b"+")
        return data[:-1].decode()

    def ask(self, text):
        self.send(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 0xFF))
        answer = "T"
        while answer.startswith("T"):    # it also says when the machine stopped
            answer = self.packet()
        return answer

    def read(self, offset, width=8):
        return int.from_bytes(bytes.fromhex(self.ask(f"m{ITS_FRAME + offset:x},{width:x}")), "little")

    def write(self, offset, value, width=8):
        data = value.to_bytes(width, "little").hex()
        if self.ask(f"M{ITS_FRAME + offset:x},{width:x}:{data}") != "OK":
            raise OSError(f"GITS register {offset:#x} cannot be written")

    def close(self):
        self.ask("D")
        self.socket.close()


def restore(stub, enable):
    """What the firmware saved before the power went, written after it came back."""
    saved = {offset: stub.read(offset) for offset in (GITS_CBASER, GITS_CWRITER, *range(GITS_BASER, 0x140, 8))}
    was_on = stub.read(GITS_CTLR, 4) & ENABLED
    stub.write(GITS_CTLR, 0, 4)
    for offset in saved:
        stub.write(offset, 0)
    for offset, value in saved.items():
        stub.write(offset, value)
    state = {"was_on": bool(was_on), "cwriter": saved[GITS_CWRITER], "creadr": stub.read(GITS_CREADR),
             "same": all(stub.read(offset) == value for offset, value in saved.items())}
    if enable:
        stub.write(GITS_CTLR, ENABLED, 4)
    return state


class Pages:
    """What was the device's and the vPE's, and is the host's again."""

    def __init__(self, args, console):
        self.areas = {"itt": (fact(r"fact: itt (0x[0-9a-f]+)", console), args.page_size)}
        if args.v4:
            self.areas["vpt"] = (fact(r"fact: vpt (0x[0-9a-f]+)", console), VPT_SIZE)

    def read(self, machine):
        return {name: machine.read(*area) for name, area in self.areas.items()}


def commands(lines):
    for line in lines:
        match = re.search(r"gicv3_its_cmd_(\w+)(.*)", line)
        if match:
            yield match.group(1), match.group(2)


def old_commands(lines):
    """Nobody posts anything between the firmware's turn and the look at the memory."""
    return [name + rest for name, rest in commands(lines) if name not in ("sync", "vsync")]


def watch_round(args, machine, gdb, number, pages):
    """The two marks of a round: the machine's state before, and after the ITS was enabled."""
    enable = ROUNDS[number][3]
    seen = {}
    mailbox = fact(r"fact: mailbox (0x[0-9a-f]+)", machine.console())

    def answer(mark):
        with open(machine.ram, "r+b") as f:
            f.seek(mailbox - RAM_BASE)
            f.write(bytes([mark]))

    def firmware():
        seen["before"] = pages.read(machine)
        seen["first"] = len(machine.trace_lines())
        stub = Stub(gdb)
        seen.update(restore(stub, enable))
        answer(2 * number + 1)
        stub.close()

    def look():
        seen["after"] = pages.read(machine)
        seen["last"] = len(machine.trace_lines())
        stub = Stub(gdb)
        seen["is_on"] = bool(stub.read(GITS_CTLR, 4) & ENABLED)
        answer(2 * number + 2)
        stub.close()

    for mark, action in ((2 * number + 1, firmware), (2 * number + 2, look)):
        if not machine.wait_for(f"MARK {mark}\n", args.limit):
            return None
        machine.stopped(action)
    return seen


def check_round(args, report, seen, number, lines, start):
    """start: the trace's length when the round before ended"""
    name, own, on, _ = ROUNDS[number]
    report.check(seen["was_on"] == on and seen["same"] and seen["creadr"] == 0 and seen["is_on"],
                 f"{name}: registers restored, the ITS is on again", f"{seen['was_on']} {seen['same']} "
                 f"{seen['creadr']:#x} {seen['is_on']}")
    if own:
        done = [line for line in lines[start:seen["first"]] if re.search(rf"cmd_mapd.*\b{DEVICE:#x}\b", line)]
        report.check(len(done) == 2 and all(set(data) == {PATTERN} for data in seen["before"].values()),
                     f"{name}: a device was mapped and unmapped, its pages are the host's",
                     f"{len(done)} times MAPD")
    old = old_commands(lines[seen["first"]:seen["last"]])
    report.note(f"{name}: GITS_CWRITER {seen['cwriter']:#x}, {len(old)} old commands" +
                (f", first: {old[0]}" if old else ""))
    changed = {area: differing(data, seen["after"][area]) for area, data in seen["before"].items() if own}
    if args.stock:
        report.check(len(old) > 0, f"stock, {name}: the ITS executed {len(old)} old commands")
        for area, count in changed.items():
            report.check(count > 0, f"stock, {name}: {count} bytes of the former {area.upper()} changed")
        return
    report.check(not old, f"{name}: the ITS executed no old command", f"{len(old)}, first: {old[0] if old else ''}")
    for area, count in changed.items():
        report.check(count == 0, f"{name}: 0 bytes of the former {area.upper()} changed", f"{count} bytes changed")


def check_law(args, report, console, lines):
    """What holds for every command and every register, looked at as in the other attacks."""
    pool, pool_size = fact(r"Reserved \d+ MiB at (0x[0-9a-f]+)", console), fact(r"Reserved (\d+) MiB", console, 10)
    if not report.check(pool and pool_size, "the hypervisor's pool is known"):
        return
    law = Law(pool, pool_size << 20, args)
    law.follow(lines, attack=False)
    report.check(not law.broken, f"none of {law.executed} commands that reached the ITS was forbidden",
                 f"{len(law.broken)}, first: {law.broken[0] if law.broken else ''}")


def watch(args, report, folder):
    gdb = folder + "/gdb"
    machine = Machine(args, folder, TEST="replay", EXTRA=f"-gdb unix:{gdb},server=on,wait=off",
                      FILES=f"replay={args.program[0]}", ARGS_GUEST="vpe" if args.v4 else "")
    rounds = []
    if machine.wait_for("MARK 1\n", args.limit):
        pages = Pages(args, machine.console())
        for number in range(len(ROUNDS)):
            seen = watch_round(args, machine, gdb, number, pages)
            if not seen:
                break
            rounds.append(seen)
    status = machine.end()
    console = machine.console()
    if args.verbose:
        print(console)
    mode = re.search(r"Protected \w+ mode", console)
    report.check(mode is not None, mode.group(0) if mode else "protected mode")
    if not report.check(status == 0, "the guest goes on", f"status {status}"):
        print("\n".join("  # " + line for line in re.findall(r"^(?:not ok|  ).*", console, re.M)))
    lines = machine.trace_lines()
    start = 0
    for number, seen in enumerate(rounds):
        check_round(args, report, seen, number, lines, start)
        start = seen["last"]
    if not report.check(len(rounds) == len(ROUNDS), f"{len(ROUNDS)} times the power was lost", f"{len(rounds)}"):
        print("\n".join("  " + line for line in console.splitlines()[-30:]))
    elif not args.stock:
        check_law(args, report, console, lines)


if __name__ == "__main__":
    run(arguments(__doc__).parse_args(), watch)
