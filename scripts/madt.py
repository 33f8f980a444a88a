#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rewrites the MADT of QEMU's arm64 machine: the redistributor of each CPU is named by its
GICC entry, as some firmware does, and no longer by a GICR entry for all of them."""
import argparse
import struct
import sys

HEADER, REVISION, CHECKSUM = 44, 24, 9	# of the table; OEM revision and checksum within it
GICC, GICR = 0x0b, 0x0e
GICC_GICR = 60


def entries(table):
    at = HEADER
    while at < len(table):
        kind, length = table[at], table[at + 1] if at + 1 < len(table) else 0
        if length < 2 or at + length > len(table):
            raise ValueError(f"entry of {length} bytes at {at}")
        yield kind, bytearray(table[at:at + length])
        at += length


def rewrite(table, stride):
    if table[:4] != b"APIC" or sum(table) & 0xff or struct.unpack_from("<I", table, 4)[0] != len(table):
        raise ValueError("no MADT, or not all of it")
    regions = [struct.unpack_from("<QI", e, 4) for kind, e in entries(table) if kind == GICR]
    frames = [base + at for base, length in regions for at in range(0, length - stride + 1, stride)]
    out = bytearray(table[:HEADER])
    for kind, entry in entries(table):
        if kind == GICR:
            continue
        if kind == GICC:
            if not frames:
                raise ValueError("more GICC entries than redistributors")
            struct.pack_into("<Q", entry, GICC_GICR, frames.pop(0))
        out += entry
    struct.pack_into("<I", out, 4, len(out))
    # Linux takes a table from the initramfs if its revision is higher.
    struct.pack_into("<I", out, REVISION, struct.unpack_from("<I", out, REVISION)[0] + 1)
    out[CHECKSUM] = 0
    out[CHECKSUM] = -sum(out) & 0xff
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stride", type=lambda s: int(s, 0), default=0x20000,
                        help="from one redistributor to the next: 0x40000 with GICv4")
    args = parser.parse_args()
    try:
        sys.stdout.buffer.write(rewrite(sys.stdin.buffer.read(), args.stride))
    except ValueError as why:
        sys.exit(f"madt.py: {why}")


if __name__ == "__main__":
    main()
