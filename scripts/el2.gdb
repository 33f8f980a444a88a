# SPDX-License-Identifier: GPL-2.0-only
# For gdb on a guest of `make shell GDB=1`. el2: goes on until the hypervisor is at EL2, while the
# host still is trusted, and loads its symbols. el2-symbols: loads them where the guest stands now.
set pagination off
set confirm off
set architecture aarch64

python
import gdb

VECTOR = "__kvm_nvhe___kvm_hyp_host_vector"

class El2Symbols(gdb.Command):
    """Loads the symbols of EL2 where it has been mapped to. Stop while a CPU is in the host."""

    def __init__(self):
        super().__init__("el2-symbols", gdb.COMMAND_FILES)
        self.loaded = None

    def invoke(self, arg, from_tty):
        frame = gdb.newest_frame()
        # EL2's image is in one piece: each symbol is as far away as the vectors are.
        here = int(frame.read_register("VBAR_EL2")) & (1 << 64) - 1
        image = int(gdb.parse_and_eval("(unsigned long)&" + VECTOR))
        if self.loaded == here:
            return
        if here & 0x7ff or not here or here & 0x7ff != image & 0x7ff:
            raise gdb.GdbError("EL2 has no vectors of the hypervisor yet: el2 goes on until it has")
        vmlinux = gdb.objfiles()[0].filename
        gdb.execute("add-symbol-file %s -o %#x" % (vmlinux, here - image & (1 << 64) - 1), to_string=True)
        self.loaded = here
        print("EL2 is at %#x, its symbols are loaded" % here)


class El2(gdb.Command):
    """Goes on until the hypervisor is at EL2, and loads its symbols."""

    def __init__(self):
        super().__init__("el2", gdb.COMMAND_RUNNING)

    def invoke(self, arg, from_tty):
        gdb.execute("thbreak *(unsigned long)&finalize_pkvm", to_string=True)
        gdb.execute("continue")
        gdb.execute("el2-symbols")


El2Symbols()
El2()
end
