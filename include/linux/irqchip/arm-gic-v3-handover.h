/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hand-over of an ITS from its driver to pKVM's hypervisor at EL2.
 *
 * The driver, which knows the ITS, describes it; KVM passes the description to
 * EL2, which checks it against the hardware and donates to itself what it names.
 * Tables and commands are those of the GIC architecture specification (IHI 0069).
 */
#ifndef __LINUX_IRQCHIP_ARM_GIC_V3_HANDOVER_H
#define __LINUX_IRQCHIP_ARM_GIC_V3_HANDOVER_H

#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* The frame of the control registers; GITS_TRANSLATER has one of its own. */
#define ITS_CTLR_FRAME_SIZE	SZ_64K

/* EL2 keeps one record for each device, beside the Device table's entries. */
#define ITS_DEVICE_RECORD_SIZE	sizeof(u64)

/*
 * An ITS may hold its Device table itself: no GITS_BASERn is of that type. EL2 has a
 * record of each DeviceID nonetheless, if they have no more bits than this.
 */
#define ITS_MAX_INTERNAL_DEVICE_BITS	20

/* Number of these records; 0 if they would be too many. */
static inline u32 its_handover_internal_devices(u64 typer)
{
	u32 bits = FIELD_GET(GITS_TYPER_DEVBITS, typer) + 1;

	return bits <= ITS_MAX_INTERNAL_DEVICE_BITS ? BIT(bits) : 0;
}

/* And one for each vPE, beside the vPE table's. */
#define ITS_VPE_RECORD_SIZE	(2 * sizeof(u64))

/* Bytes of EL2's record beside each entry of a table of this GITS_BASER_TYPE_*. */
static inline u32 its_handover_record_size(u32 type)
{
	switch (type) {
	case GITS_BASER_TYPE_DEVICE:
		return ITS_DEVICE_RECORD_SIZE;
	case GITS_BASER_TYPE_VCPU:
		return ITS_VPE_RECORD_SIZE;
	default:
		return 0;
	}
}

/* Page size of the ITS for a table, section 12.19.1; 0 if the value is reserved. */
static inline u32 gits_baser_page_size(u64 baser)
{
	switch (FIELD_GET(GITS_BASER_PAGE_SIZE_MASK, baser)) {
	case GIC_PAGE_SIZE_4K:
		return SZ_4K;
	case GIC_PAGE_SIZE_16K:
		return SZ_16K;
	case GIC_PAGE_SIZE_64K:
		return SZ_64K;
	default:
		return 0;
	}
}

/* Physical address of a table. Only pages of 64K can be above 48 bits. */
static inline u64 gits_baser_address(u64 baser)
{
	if (gits_baser_page_size(baser) == SZ_64K)
		return GITS_BASER_ADDR_48_to_52(baser);

	return baser & GENMASK_ULL(47, 12);
}

/* Bytes that the ITS can reach from a GITS_BASERn, whatever was allocated. */
static inline u64 gits_baser_size(u64 baser)
{
	return (u64)GITS_BASER_NR_PAGES(baser) * gits_baser_page_size(baser);
}

/* Bytes of the command queue, section 12.19.2. */
static inline u32 gits_cbaser_size(u64 cbaser)
{
	return (FIELD_GET(GITS_CBASER_SIZE, cbaser) + 1) * SZ_4K;
}

/**
 * struct its_handover_table - what a GITS_BASERn points to
 * @baser:	Value of GITS_BASERn, 0 if the register is not implemented.
 * @base:	Physical address of the table, or of its first level.
 * @shadow:	For an indirect table, physical address of the copy of the first
 *		level that the driver will write from now on. If the table is of a
 *		type with records, as many CPU-endian u64 follow: at the same index,
 *		the physical address of the chunk that goes with the L2 page.
 * @records:	For a table of a type with records, physical address of
 *		memory that will be EL2's. For a flat table, that of its records. For
 *		an indirect one, one u64 for each first-level entry: if the entry is
 *		valid the physical address of a chunk, or else 0.
 * @nr_its:	Number of ITSs that have this table, which is more than one only for vPE
 *		tables of GITS_TYPER.SVPET. A record of it is one for each of them, and
 *		they all describe it alike.
 *
 * A chunk is memory for the records of all entries of an L2 page, whose pages are
 * used for nothing else. It is aligned to a doubleword, as are @shadow and @records.
 */
struct its_handover_table {
	u64	baser;
	u64	base;
	u64	shadow;
	u64	records;
	u64	nr_its;
};

/**
 * struct its_handover_device - a device that is mapped already
 * @itt:	Physical address of its Interrupt Translation Table.
 * @device_id:	Its DeviceID.
 * @event_bits:	Number of its EventID bits.
 */
struct its_handover_device {
	u64	itt;
	u32	device_id;
	u32	event_bits;
};

/**
 * struct its_handover - all that EL2 needs to know about one ITS
 * @phys_base:		Physical address of the control frame.
 * @typer:		Value of GITS_TYPER.
 * @cbaser:		Value of GITS_CBASER.
 * @queue:		Physical address of the command queue.
 * @shadow_queue:	Physical address of the queue that the driver will fill.
 * @itt_entry_size:	Bytes of an ITE, never less than GITS_TYPER says.
 * @lpi_id_bits:	Number of INTID bits in use for LPIs.
 * @vlpis:		1 if KVM uses the vLPIs of a GICv4, 0 if EL2 is to refuse all
 *			commands that have to do with them.
 * @rdist_offset:	If not 0, commands may also name a redistributor by an RDbase
 *			that is so much higher.
 * @tables:		The tables, by the number of their GITS_BASERn.
 * @device_records:	If no table is of type Device, physical address of the memory
 *			for EL2's records of the devices, or else 0.
 * @nr_devices:		Number of @devices.
 * @devices:		The devices that are mapped.
 */
struct its_handover {
	u64				phys_base;
	u64				typer;
	u64				cbaser;
	u64				queue;
	u64				shadow_queue;
	u32				itt_entry_size;
	u32				lpi_id_bits;
	u32				vlpis;
	u32				rdist_offset;
	struct its_handover_table	tables[GITS_BASER_NR_REGS];
	u64				device_records;
	u32				nr_devices;
	struct its_handover_device	devices[];
};

/* There is no telling what is at RD_base: its registers must not be read. */
#define RDIST_HANDOVER_INACCESSIBLE	BIT(0)
/* It has VLPI_base. For those that are accessible, GICR_TYPER says so. */
#define RDIST_HANDOVER_VLPI_FRAME	BIT(1)

/**
 * struct rdist_handover_frame - where a redistributor is
 * @phys_base:	Physical address of RD_base.
 * @flags:	RDIST_HANDOVER_*.
 * @vpe_table:	GICv4.1: what the vPE table in GICR_VPROPBASER needs. Where it is the
 *		register says. The same for all that have the same table, and for an ITS
 *		which has it. If there is no such ITS there are no records.
 */
struct rdist_handover_frame {
	u64				phys_base;
	u64				flags;
	struct its_handover_table	vpe_table;
};

/**
 * struct rdist_handover - all redistributors that the firmware describes
 * @nr:		Their number.
 * @frames:	Where they are. Their registers say most of the rest.
 */
struct rdist_handover {
	u64				nr;
	struct rdist_handover_frame	frames[];
};

/**
 * struct its_handover_ops - what KVM does for the driver
 * @state_size:	Bytes of state EL2 wants for an ITS.
 * @handover:	Hand one ITS over; all CPUs but this one are stopped. The
 *		description and the state are page aligned and sized. Return the
 *		number EL2 knows the ITS by, or a negative error, after which
 *		everything is as it was.
 * @report:	Tell the user what @handover, or an earlier step of the driver,
 *		returned.
 * @refused:	GITS_CREADR, as given, says Stalled. Return -EPERM if EL2 has refused
 *		the command there, which has no effect then, and tell the user which
 *		it was and why; -EIO if the ITS has stalled at one that EL2 accepted.
 * @send:	Have the command executed that is at GITS_CWRITER, and behind it a SYNC or
 *		VSYNC: its opcode, and in its place the RDbase or vPEID; 0 for none. Return
 *		what GITS_CREADR reads as then, or a negative value if that takes a write
 *		of GITS_CWRITER, with both in the queue.
 * @load_vpe:	Make a vPE resident on this CPU, GICv4.0; @flags are those of
 *		GICR_VPENDBASER. Return 0, or an error if it is not.
 */
struct its_handover_ops {
	size_t	(*state_size)(void);
	int	(*handover)(struct its_handover *its, size_t size, void *state, size_t state_size);
	void	(*report)(phys_addr_t phys_base, int ret);
	int	(*refused)(phys_addr_t phys_base, unsigned int its, u64 creadr);
	s64	(*send)(unsigned int its, const __le64 *cmd, u64 sync);
	int	(*load_vpe)(u16 vpe_id, phys_addr_t vconfig, u64 flags);
};

#ifdef CONFIG_ARM_GIC_V3
int gic_v3_describe_rdists(struct rdist_handover_frame *frames, unsigned int max);
#else
static inline int gic_v3_describe_rdists(struct rdist_handover_frame *frames, unsigned int max)
{
	return 0;
}
#endif

#ifdef CONFIG_ARM_GIC_V3_ITS
void its_use_whole_pages(void);
void its_handover_prepare(const struct its_handover_ops *ops);
int its_handover_describe_rdists(struct rdist_handover *desc);
void its_handover_rdists_done(void);
void its_handover_commit(void);
void its_handover_finish(void);
#else
static inline void its_use_whole_pages(void) { }
static inline void its_handover_prepare(const struct its_handover_ops *ops) { }
static inline int its_handover_describe_rdists(struct rdist_handover *desc) { return 0; }
static inline void its_handover_rdists_done(void) { }
static inline void its_handover_commit(void) { }
static inline void its_handover_finish(void) { }
#endif

#endif /* __LINUX_IRQCHIP_ARM_GIC_V3_HANDOVER_H */
