// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's half of the redistributors owned by EL2: which there are, and their
 * hand-over before the host loses its privileges.
 */

#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/irqchip/arm-gic-v3-handover.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/seq_file.h>

#include <asm/kvm_pkvm.h>
#include <asm/kvm_pkvm_its.h>

#include "hyp_constants.h"

static struct rdist_handover *pkvm_rdists;
static unsigned int pkvm_rdists_nr __ro_after_init;
static size_t pkvm_rdists_size __initdata;
static void *pkvm_rdist_state __initdata;
static size_t pkvm_rdist_state_size __initdata;
static s64 pkvm_rdist_ret __ro_after_init;
static bool pkvm_rdists_unknown __initdata;

static const char * const pkvm_rdist_steps[] = {
	[PKVM_RDIST_STEP_DRIVER]	= "driver",
	[PKVM_RDIST_STEP_DESCRIPTION]	= "description",
	[PKVM_RDIST_STEP_FRAME]		= "frames",
	[PKVM_RDIST_STEP_STATE]		= "registers",
	[PKVM_RDIST_STEP_VLPI]		= "resident vPE",
	[PKVM_RDIST_STEP_PROP]		= "LPI configuration table",
	[PKVM_RDIST_STEP_PEND]		= "LPI pending table",
	[PKVM_RDIST_STEP_VPES]		= "vPE table",
};

#ifdef CONFIG_NVHE_EL2_DEBUG
static int pkvm_rdist_fail_step __initdata = -1;
static u64 pkvm_rdist_shared_pfn __initdata;

static int __init early_pkvm_rdist_fail_step(char *arg)
{
	return kstrtoint(arg, 0, &pkvm_rdist_fail_step);
}
early_param("kvm-arm.rdist_fail_step", early_pkvm_rdist_fail_step);

/* Write a register of the redistributor, or share with EL2 a page of the table it names. */
static void __init pkvm_rdist_prepare_failure(u64 phys_base, bool undo)
{
	void __iomem *rd = ioremap(phys_base, SZ_256K);
	u64 val;

	if (WARN_ON(!rd))
		return;

	switch (pkvm_rdist_fail_step) {
	case PKVM_RDIST_STEP_VLPI:
		val = gicr_read_pendbaser(rd + GICR_PENDBASER) & GENMASK_ULL(51, 16);
		gicr_write_vpendbaser(undo ? 0 : val | GICR_VPENDBASER_Valid,
				      rd + SZ_128K + GICR_VPENDBASER);
		break;
	case PKVM_RDIST_STEP_PROP:
		val = gicr_read_propbaser(rd + GICR_PROPBASER) & GENMASK_ULL(51, 12);
		pkvm_rdist_shared_pfn = PHYS_PFN(val);
		break;
	case PKVM_RDIST_STEP_PEND:
		val = gicr_read_pendbaser(rd + GICR_PENDBASER) & GENMASK_ULL(51, 16);
		pkvm_rdist_shared_pfn = PHYS_PFN(val);
		break;
	}
	iounmap(rd);
}

/* Make it impossible to hand over the last redistributor that has tables. */
static void __init pkvm_rdists_break(void)
{
	struct rdist_handover_frame *last = &pkvm_rdists->frames[pkvm_rdists_nr - 1];

	switch (pkvm_rdist_fail_step) {
	case PKVM_RDIST_STEP_DRIVER:
		pkvm_rdist_ret = pkvm_rdist_error(-ENOMEM, PKVM_RDIST_STEP_DRIVER, 0);
		break;
	case PKVM_RDIST_STEP_DESCRIPTION:
		pkvm_rdists->nr = U32_MAX;
		break;
	case PKVM_RDIST_STEP_FRAME:
		last->phys_base = virt_to_phys(pkvm_rdists) & ~(u64)(SZ_64K - 1);
		break;
	case PKVM_RDIST_STEP_STATE:
		last->phys_base += SZ_64K;
		break;
	case PKVM_RDIST_STEP_VLPI:
	case PKVM_RDIST_STEP_PROP:
	case PKVM_RDIST_STEP_PEND:
		pkvm_rdist_prepare_failure(last->phys_base, false);
		break;
	}
}

static void __init pkvm_rdists_share(void)
{
	if (pkvm_rdist_shared_pfn)
		WARN_ON(kvm_call_hyp_nvhe(__pkvm_host_share_hyp, pkvm_rdist_shared_pfn));
}

static void __init pkvm_rdists_unshare(void)
{
	if (pkvm_rdist_shared_pfn)
		WARN_ON(kvm_call_hyp_nvhe(__pkvm_host_unshare_hyp, pkvm_rdist_shared_pfn));
}

static void __init pkvm_rdists_mend(void)
{
	if (pkvm_rdist_fail_step == PKVM_RDIST_STEP_VLPI)
		pkvm_rdist_prepare_failure(pkvm_rdists->frames[pkvm_rdists_nr - 1].phys_base,
					   true);
}
#else
static void __init pkvm_rdists_break(void) { }
static void __init pkvm_rdists_share(void) { }
static void __init pkvm_rdists_unshare(void) { }
static void __init pkvm_rdists_mend(void) { }
#endif

static bool __init pkvm_any_rdist_has_vlpis(void)
{
	void __iomem *rd;
	u64 typer;

	if (pkvm_rdists->frames[0].flags & RDIST_HANDOVER_INACCESSIBLE)
		return true;

	rd = ioremap(pkvm_rdists->frames[0].phys_base, SZ_64K);
	if (!rd)
		return true;

	typer = gic_read_typer(rd + GICR_TYPER);
	iounmap(rd);

	return typer & GICR_TYPER_VLPIS;
}

#ifdef CONFIG_ACPI
static struct rdist_handover_frame *pkvm_acpi_frames __initdata;
static unsigned int pkvm_acpi_nr_frames __initdata;

/*
 * The driver leaves a redistributor alone if its CPU is not enabled, whether or not that
 * could be brought online later: it may have no power. But it may be there.
 */
static int __init pkvm_rdist_add_gicc(union acpi_subtable_headers *header,
				      const unsigned long end)
{
	struct acpi_madt_generic_interrupt *gicc = (void *)header;

	if ((gicc->flags & ACPI_MADT_ENABLED) || !gicc->gicr_base_address)
		return 0;

	if (pkvm_acpi_frames)
		pkvm_acpi_frames[pkvm_acpi_nr_frames] = (struct rdist_handover_frame) {
			.phys_base = gicc->gicr_base_address,
			.flags = RDIST_HANDOVER_INACCESSIBLE,
		};
	pkvm_acpi_nr_frames++;

	return 0;
}

static int __init pkvm_rdist_find_gicr(union acpi_subtable_headers *header,
				       const unsigned long end)
{
	return 0;
}

/* Regions that GICR entries describe are always on, and the driver has listed them. */
static int __init pkvm_list_acpi_rdists(struct rdist_handover_frame *frames)
{
	pkvm_acpi_frames = frames;
	pkvm_acpi_nr_frames = 0;
	if (acpi_disabled ||
	    acpi_table_parse_madt(ACPI_MADT_TYPE_GENERIC_REDISTRIBUTOR,
				  pkvm_rdist_find_gicr, 0) > 0)
		return 0;

	if (acpi_table_parse_madt(ACPI_MADT_TYPE_GENERIC_INTERRUPT, pkvm_rdist_add_gicc, 0) < 0)
		return -EINVAL;

	return pkvm_acpi_nr_frames;
}
#else
static int __init pkvm_list_acpi_rdists(struct rdist_handover_frame *frames)
{
	return 0;
}
#endif

static int __init pkvm_alloc_rdists(unsigned int nr)
{
	/* Freed in the end if the redistributors stay the host's. */
	pkvm_rdist_state_size = PAGE_ALIGN(size_mul(PKVM_RDIST_SIZE, nr));
	pkvm_rdist_state = alloc_pages_exact(pkvm_rdist_state_size, GFP_KERNEL | __GFP_ZERO);
	if (!pkvm_rdist_state)
		return -ENOMEM;

	pkvm_rdists_size = PAGE_ALIGN(struct_size(pkvm_rdists, frames, nr));
	pkvm_rdists = alloc_pages_exact(pkvm_rdists_size, GFP_KERNEL | __GFP_ZERO);

	return pkvm_rdists ? 0 : -ENOMEM;
}

static int __init pkvm_describe_rdists(void)
{
	int nr = gic_v3_describe_rdists(NULL, 0), more = pkvm_list_acpi_rdists(NULL), i;

	if (nr < 0 || more < 0)
		return -ENODEV;

	if (!(nr + more))
		return 0;

	if (pkvm_alloc_rdists(nr + more))
		return -ENOMEM;

	pkvm_rdists_nr = nr + more;
	pkvm_rdists->nr = pkvm_rdists_nr;
	gic_v3_describe_rdists(pkvm_rdists->frames, nr);
	pkvm_list_acpi_rdists(pkvm_rdists->frames + nr);
	if (more && pkvm_any_rdist_has_vlpis())
		for (i = nr; i < nr + more; i++)
			pkvm_rdists->frames[i].flags |= RDIST_HANDOVER_VLPI_FRAME;

	return 0;
}

/**
 * pkvm_rdists_prepare() - Find all redistributors, allocate what handing them over needs.
 *
 * Process context. The redistributors are the host's before and after.
 */
void __init pkvm_rdists_prepare(void)
{
	int ret = pkvm_describe_rdists();

	if (ret) {
		pkvm_rdist_ret = pkvm_rdist_error(ret, PKVM_RDIST_STEP_DRIVER, 0);
		pkvm_rdists_unknown = true;
	}
}

/**
 * pkvm_rdists_describe() - Let the ITS driver describe the tables that it has a part in.
 *
 * Process context, after its_handover_prepare().
 */
void __init pkvm_rdists_describe(void)
{
	int ret;

	if (!pkvm_rdists_nr || pkvm_rdist_ret)
		return;

	ret = its_handover_describe_rdists(pkvm_rdists);
	if (ret)
		pkvm_rdist_ret = pkvm_rdist_error(ret, PKVM_RDIST_STEP_DRIVER, 0);
	else
		pkvm_rdists_break();
}

/**
 * pkvm_rdists_handover() - Hand all redistributors over to EL2, or none.
 *
 * All other CPUs are stopped, and stay so until their stage 2 is in force.
 *
 * Return: how many there are, for EL2 to compare; UINT_MAX if that is not known.
 */
unsigned int __init pkvm_rdists_handover(void)
{
	if (pkvm_rdists_unknown)
		return UINT_MAX;

	if (pkvm_rdists_nr && !pkvm_rdist_ret) {
		pkvm_rdists_share();
		pkvm_rdist_ret = kvm_call_hyp_nvhe(__pkvm_rdist_handover, pkvm_rdists,
						   pkvm_rdists_size, pkvm_rdist_state,
						   pkvm_rdist_state_size);
		pkvm_rdists_unshare();
		if (!pkvm_rdist_ret)
			its_handover_rdists_done();
	}

	return pkvm_rdists_nr;
}

static void __init pkvm_rdists_report(void)
{
	u32 step = pkvm_its_step_of(pkvm_rdist_ret), nr = pkvm_rdist_nr(pkvm_rdist_ret);
	u64 phys_base = 0;

	if (nr < pkvm_rdists_nr)
		phys_base = pkvm_rdists->frames[nr].phys_base;

	if (pkvm_rdist_ret)
		kvm_err("redistributor@0x%llx: hand-over failed: %s (%d); EL2 refuses protected guests\n",
			phys_base, step < PKVM_RDIST_STEP_MAX ? pkvm_rdist_steps[step] : "?",
			pkvm_its_errno(pkvm_rdist_ret));
	else if (pkvm_rdists_nr)
		kvm_info("%u redistributors: owned by EL2\n", pkvm_rdists_nr);
}

/**
 * pkvm_rdists_finish() - Say what came of the hand-over, and free what is left.
 *
 * Process context.
 *
 * Return: false if a redistributor is not EL2's.
 */
bool __init pkvm_rdists_finish(void)
{
	pkvm_rdists_report();
	if (pkvm_rdist_ret && pkvm_rdists_nr)
		pkvm_rdists_mend();
	if (pkvm_rdist_ret && pkvm_rdist_state)
		free_pages_exact(pkvm_rdist_state, pkvm_rdist_state_size);

	return !pkvm_rdist_ret;
}

/**
 * pkvm_nr_rdists() - Count the redistributors that the firmware describes.
 *
 * Return: their number.
 */
unsigned int pkvm_nr_rdists(void)
{
	return pkvm_rdists_nr;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
static u64 pkvm_rdist_query(unsigned int nr, enum pkvm_its_query what)
{
	return kvm_call_hyp_nvhe(__pkvm_its_query, nr, what, 0);
}

static void pkvm_rdist_show_tables(struct seq_file *s, unsigned int nr)
{
	u64 pend = pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_PEND);
	u64 vpes = pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_VPES);

	seq_printf(s, " cpu %llu lpis %d",
		   GICR_TYPER_CPU_NUMBER(pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_TYPER)),
		   !!pend);
	if (pend)
		seq_printf(s, " prop 0x%llx pend 0x%llx pend_owner %s",
			   GICR_PROPBASER_ADDRESS(pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_PROP)),
			   GICR_PENDBASER_ADDRESS(pend),
			   pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_PEND_OWNER) ? "EL2" : "host");
	if (vpes)
		seq_printf(s, " vpes 0x%llx vpes_owner %s", vpes,
			   pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_VPES_OWNER) ? "EL2" : "host");
}

static bool pkvm_rdist_is_owned(unsigned int nr)
{
	return pkvm_rdist_query(nr, PKVM_ITS_QUERY_RDIST_OWNER);
}
#else
static void pkvm_rdist_show_tables(struct seq_file *s, unsigned int nr) { }
static bool pkvm_rdist_is_owned(unsigned int nr) { return !pkvm_rdist_ret; }
#endif

/**
 * pkvm_rdists_show() - A line in debugfs for each redistributor.
 * @s:	The file.
 */
void pkvm_rdists_show(struct seq_file *s)
{
	unsigned int nr;

	for (nr = 0; nr < pkvm_rdists_nr; nr++) {
		bool owned = pkvm_rdist_is_owned(nr);

		seq_printf(s, "rdist 0x%llx owner %s", pkvm_rdists->frames[nr].phys_base,
			   owned ? "EL2" : "host");
		if (owned)
			pkvm_rdist_show_tables(s, nr);
		seq_putc(s, '\n');
	}
}
