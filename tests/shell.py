#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What someone sees who types at a terminal, or has a debugger.

shell.py console [KEY=VALUE...]   a console: what is mounted, a selftest, Ctrl-C, power off
shell.py gdb [KEY=VALUE...]       gdb stops in EL2, while the host still is trusted and later
shell.py guest [KEY=VALUE...]     the console of a Linux guest, which boots twice
shell.py interrupt IMAGE=...      a test shows its output as it comes, and Ctrl-C stops it
The options are those of scripts/shell.sh. One line "ok ..." or "not ok ..." for each check.
"""
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROMPT = "\r\n# "
GUEST_PROMPT = "guest# "
FAILED = []


def check(good, what, why=""):
    print(("ok" if good else "not ok") + " shell: " + what, flush=True)
    if not good:
        print("\n".join("  " + line for line in why.splitlines()[-25:]), flush=True)
        FAILED.append(what)


class Shell:
    """scripts/shell.sh, or another, at a terminal of its own."""

    def __init__(self, options, script="shell.sh"):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(f"{ROOT}/scripts/{script}", [f"{ROOT}/scripts/{script}", *options])
        self.seen = ""
        self.status = None

    def wait_for(self, text, seconds):
        """All that came before the text and with it; None if it does not come in time."""
        end = time.monotonic() + seconds
        while True:
            at = self.seen.find(text)
            if at >= 0:
                before, self.seen = self.seen[:at + len(text)], self.seen[at + len(text):]
                return before
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            data = b""
            if ready:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    pass
            if not data:
                return None
            self.seen += data.decode(errors="replace")

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, line, seconds=60, prompt=PROMPT):
        """The output of a command, or None."""
        self.type(line + "\n")
        return self.wait_for(prompt, seconds)

    def ended(self, seconds):
        """The exit status, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.wait_for("\0", 0.2)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
        return None

    def end(self):
        if self.status is None:
            self.type("\1x")
            if self.ended(10) is None:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)


def console(options):
    shell = Shell(options)
    try:
        seen = shell.wait_for(PROMPT, 180)
        check(seen is not None, "a prompt", shell.seen)
        if seen is None:
            return
        out = shell.run("cat $ITS") or ""
        check("owner EL2" in out, "debugfs tells who owns the ITS", out)
        out = shell.run("ls -d /sys/kernel/tracing/events/hyp*/its_donate /sys/kernel/tracing/hyp*/ 2>&1") or ""
        check("its_donate" in out, "tracefs has EL2's events", out)
        out = shell.run("its_shadow > /tmp/log; echo status $?") or ""
        check("status 0" in out, "a selftest is in the path, and passes", out)
        out = shell.run("which vgic_irq its_shadow pvm its_attack | wc -l") or ""
        check("\n4\r" in out, "the other programs are there", out)
        shell.type("sleep 1000\n")
        time.sleep(2)
        shell.type("\3")
        check(shell.wait_for(PROMPT, 20) is not None, "Ctrl-C ends a program, not the guest", shell.seen)
        shell.type("exit\n")
        check(shell.ended(60) == 0, "exit powers off, with status 0", shell.seen)
    finally:
        shell.end()


def gdb(options):
    shell = Shell(options + ["GDB=1"])
    try:
        seen = shell.wait_for("loads its symbols", 180)
        command = re.search(r"^ +(gdb-multiarch .*?)\r?$", seen or "", re.M)
        check(command is not None, "the command for the debugger is printed", (seen or "") + shell.seen)
        if command is None:
            return
        steps = ["el2", "hbreak __kvm_nvhe_handle_trap", "continue", "printf \"exception level %d\\n\", $cpsr >> 2 & 3",
                 "info symbol $pc", "backtrace 3", "delete", "hbreak __kvm_nvhe___pkvm_prot_finalize", "continue",
                 "info symbol $pc", "delete", "detach"]
        arguments = shlex.split(command.group(1)) + ["-batch"]
        for step in steps:
            arguments += ["-ex", step]
        for _ in range(100):
            if os.path.exists(re.search(r"target remote (\S+?)'?$", arguments[4]).group(1)):
                break
            time.sleep(0.1)
        try:
            out = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180,
                                 stdin=subprocess.DEVNULL, text=True, check=False).stdout
        except subprocess.TimeoutExpired as error:
            out = (error.stdout or b"").decode(errors="replace") + "\nno end within 180 s"
        check("its symbols are loaded" in out, "gdb finds where EL2 is", out)
        check("exception level 2" in out and re.search(r"handle_trap( \+ \d+)? in section", out), "a breakpoint in EL2 stops there", out)
        check(re.search(r"prot_finalize( \+ \d+)? in section", out), "another does before the host loses its privileges", out)
        check(shell.wait_for(PROMPT, 120) is not None, "the guest goes on to its prompt", shell.seen)
    finally:
        shell.end()


def guest(options):
    shell = Shell(options, "guest.sh")
    try:
        for boot in ("boots", "boots again"):
            seen = shell.wait_for(GUEST_PROMPT, 300)
            check(seen is not None, f"a guest {boot} to a prompt", shell.seen)
            if seen is None:
                return
            out = shell.run("nproc; grep -c ITS-PCI-MSIX /proc/interrupts", prompt=GUEST_PROMPT) or ""
            check(re.search(r"\n2\s+[1-9]", out), "it has two CPUs, and MSIs by its ITS", out)
            shell.type("reboot -f\n" if boot == "boots" else "exit\n")
        check(shell.ended(120) == 0, "exit ends it and powers off the host, with status 0", shell.seen)
    finally:
        shell.end()


def interrupt(options):
    """The guest would go on for minutes."""
    shell = Shell(["hotplug", "500", "LIMIT=300", *options], "run-test.sh")
    try:
        seen = shell.wait_for("ok hotplug: every ITS", 120)
        check(seen is not None, "a test's output comes while it runs", shell.seen)
        shell.type("\3")
        status = shell.ended(5)
        check(status == -signal.SIGINT, f"Ctrl-C stops it at once, and by a signal: {status}", shell.seen)
        out = subprocess.run(["ps", "-o", "state=,pid=,args=", "-s", str(shell.pid)], stdout=subprocess.PIPE,
                             text=True, check=False).stdout
        left = "\n".join(line for line in out.splitlines() if line[0] != "Z")
        check(not left, "nothing of it is left", left)
    finally:
        shell.end()


def main():
    kinds = {"console": console, "gdb": gdb, "guest": guest, "interrupt": interrupt}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    kinds[sys.argv[1]](sys.argv[2:])
    sys.exit(1 if FAILED else 0)


main()
