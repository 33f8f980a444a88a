# SPDX-License-Identifier: GPL-2.0-only
# table.sh NAME: an ACPI table of this machine, for scripts/qemu.sh.
base64 "/sys/firmware/acpi/tables/$1"
