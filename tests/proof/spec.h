/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands as IHI 0069 section 5.3 has them, and not as its_cmd.c does: which bits are
 * not RES0, and which fields there are.
 */
#ifndef SPEC_H
#define SPEC_H

enum {
	MOVI = 0x01, INT = 0x03, CLEAR = 0x04, SYNC = 0x05, MAPD = 0x08, MAPC = 0x09,
	MAPTI = 0x0a, MAPI = 0x0b, INV = 0x0c, INVALL = 0x0d, MOVALL = 0x0e, DISCARD = 0x0f,
	VMOVI = 0x21, VMOVP = 0x22, VSGI = 0x23, VSYNC = 0x25, VMAPP = 0x29, VMAPTI = 0x2a,
	VMAPI = 0x2b, VINVALL = 0x2d, INVDB = 0x2e,
};

#define RD	0x000fffffffff0000ULL	/* [51:16] */
#define DEV	0xffffffff00000000ULL
#define VPE	0x0000ffff00000000ULL
#define V	(1ULL << 63)

/* Has this no bits set which are RES0? And GICv4.1 @v41, or else 4.0. */
static bool spec_is_clean(const u64 *c, bool v41)
{
	u64 m0 = 0xff, m1 = 0, m2 = 0, m3 = 0;

	switch (c[0] & 0xff) {
	case MAPD: m0 |= DEV; m1 = 0x1f; m2 = V | 0x000fffffffffff00; break;
	case MAPC: m2 = V | RD | 0xffff; break;
	case MAPTI: m0 |= DEV; m1 = ~0ULL; m2 = 0xffff; break;
	case MAPI: case MOVI: m0 |= DEV; m1 = 0xffffffff; m2 = 0xffff; break;
	case DISCARD: case INV: case INT: case CLEAR: m0 |= DEV; m1 = 0xffffffff; break;
	case INVALL: m2 = 0xffff; break;
	case MOVALL: m2 = RD; m3 = RD; break;
	case SYNC: m2 = RD; break;
	case VMAPP:
		m1 = VPE; m2 = V | RD; m3 = RD | 0x1f;
		if (v41) {
			m0 |= 0x300 | RD;
			m1 |= 0xffffffff;
		}
		break;
	case VMAPTI: m0 |= DEV; m1 = VPE | 0xffffffff; m2 = ~0ULL; break;
	case VMAPI: m0 |= DEV; m1 = VPE | 0xffffffff; m2 = DEV; break;
	case VMOVI: m0 |= DEV; m1 = VPE | 0xffffffff; m2 = DEV | 1; break;
	case VMOVP:
		m0 |= VPE; m1 = VPE | 0xffff; m2 = RD;
		if (v41) {
			m2 |= V;
			m3 = 0xffffffff;
		}
		break;
	case VSYNC: case VINVALL: m1 = VPE; break;
	case INVDB: m1 = VPE; break;
	case VSGI: m0 |= 0xf00f00700; m1 = VPE; break;
	default: return false;
	}
	return !(c[0] & ~m0 || c[1] & ~m1 || c[2] & ~m2 || c[3] & ~m3);
}

static bool spec_is_v4(u32 op) { return op & 0x20; }
static bool spec_is_v41_only(u32 op) { return op == INVDB || op == VSGI; }

/* Names a device and an event of it. */
static bool spec_has_event(u32 op)
{
	return op == MAPTI || op == MAPI || op == MOVI || op == DISCARD || op == INV ||
	       op == INT || op == CLEAR || op == VMAPTI || op == VMAPI || op == VMOVI;
}

static bool spec_has_device(u32 op) { return spec_has_event(op) || op == MAPD; }

/* Names a vPE that has to be mapped. */
static bool spec_needs_vpe(u32 op)
{
	return op == VMAPTI || op == VMAPI || op == VMOVI || op == VMOVP || op == VINVALL ||
	       op == INVDB || op == VSGI;
}

static bool spec_has_icid(u32 op)
{
	return op == MAPTI || op == MAPI || op == MOVI || op == MAPC || op == INVALL;
}

/* Names a redistributor in doubleword 2. */
static bool spec_has_rdbase(u32 op, const u64 *c)
{
	return op == SYNC || op == MOVALL || op == VMOVP ||
	       ((op == MAPC || op == VMAPP) && c[2] & V);
}

#endif
