// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's half of an ITS owned by EL2: the hand-over before the host loses
 * its privileges, and what the user gets to see of it.
 */

#include <linux/acpi.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/irqchip/arm-gic-v3-handover.h>
#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <asm/kvm_pkvm.h>
#include <asm/kvm_pkvm_its.h>

#include "hyp_constants.h"

/*
 * An ITS that the firmware describes, what came of its hand-over and, if EL2 owns
 * it, what it was described to have.
 */
struct pkvm_its_info {
	struct list_head		node;
	phys_addr_t			phys_base;
	bool				used;
	int				ret;
	u64				cbaser;
	u64				shadow_queue;
	u64				device_records;
	struct its_handover_table	tables[GITS_BASER_NR_REGS];
};

static LIST_HEAD(pkvm_its_infos);
static unsigned int pkvm_nr_its __initdata;
static bool pkvm_its_unknown __initdata;
static bool pkvm_its_not_owned;
static bool pkvm_its_allow_protected __ro_after_init;

static const char * const pkvm_its_steps[] = {
	[PKVM_ITS_STEP_DRIVER]		= "driver",
	[PKVM_ITS_STEP_DESCRIPTION]	= "description",
	[PKVM_ITS_STEP_FRAME]		= "control frame",
	[PKVM_ITS_STEP_REGISTERS]	= "registers",
	[PKVM_ITS_STEP_TABLES]		= "tables",
	[PKVM_ITS_STEP_QUEUE]		= "command queue",
	[PKVM_ITS_STEP_DEVICES]		= "mapped devices",
	[PKVM_ITS_STEP_RDISTS]		= "redistributors",
};

static const char * const pkvm_its_refusals[] = {
	[PKVM_ITS_UNKNOWN_COMMAND]	= "unknown command",
	[PKVM_ITS_DEVICE_RANGE]		= "DeviceID beyond the Device table",
	[PKVM_ITS_DEVICE_MAPPED]	= "device is mapped already",
	[PKVM_ITS_DEVICE_UNMAPPED]	= "device is not mapped",
	[PKVM_ITS_L2_ENTRY]		= "no valid first-level entry",
	[PKVM_ITS_L2_OWNER]		= "L2 page is not the host's",
	[PKVM_ITS_ITT_SIZE]		= "more EventID bits than GITS_TYPER allows",
	[PKVM_ITS_ITT_OWNER]		= "ITT is not the host's",
	[PKVM_ITS_EVENT_RANGE]		= "EventID beyond the ITT",
	[PKVM_ITS_LPI_RANGE]		= "INTID is not an LPI",
	[PKVM_ITS_COLLECTION_RANGE]	= "ICID beyond the Collection table",
	[PKVM_ITS_RDBASE]		= "RDbase is not a redistributor",
	[PKVM_ITS_UNMAPS]		= "more devices unmapped than EL2 remembers without a SYNC",
	[PKVM_ITS_VLPI_COMMAND]		= "the ITS has no such command",
	[PKVM_ITS_VPE_RANGE]		= "vPEID beyond the vPE table",
	[PKVM_ITS_VPE_MAPPED]		= "vPE is mapped already",
	[PKVM_ITS_VPE_UNMAPPED]		= "vPE is not mapped",
	[PKVM_ITS_VPE_DIFFERS]		= "vPE is mapped differently by another ITS",
	[PKVM_ITS_VPT_SIZE]		= "VPT for fewer or more INTIDs than the GIC has",
	[PKVM_ITS_VPT_OWNER]		= "VPT is not the host's",
	[PKVM_ITS_VCONFIG_OWNER]	= "virtual configuration table is not the host's",
	[PKVM_ITS_DOORBELL]		= "doorbell is neither an LPI nor 1023",
	[PKVM_ITS_ITS_LIST]		= "ITSList names an ITS without the vPE",
};

static struct pkvm_its_info *pkvm_its_find(phys_addr_t phys_base)
{
	struct pkvm_its_info *info;

	list_for_each_entry(info, &pkvm_its_infos, node) {
		if (info->phys_base == phys_base)
			return info;
	}

	return NULL;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
static int pkvm_its_fail_step __ro_after_init = -1;
static u64 pkvm_its_shared_pfn;

static int __init early_pkvm_its_fail_step(char *arg)
{
	return kstrtoint(arg, 0, &pkvm_its_fail_step);
}
early_param("kvm-arm.its_fail_step", early_pkvm_its_fail_step);

/* Share the last page of a range with EL2, unless there are *nr ranges before it. */
static bool pkvm_its_share_last(int *nr, u64 phys, u64 size)
{
	if (!phys || !size || (*nr)--)
		return false;

	pkvm_its_shared_pfn = PHYS_PFN(phys + size - 1);
	WARN_ON(kvm_call_hyp_nvhe(__pkvm_host_share_hyp, pkvm_its_shared_pfn));

	return true;
}

static bool pkvm_its_share_of_table(int *nr, const struct its_handover_table *table)
{
	u32 esz = GITS_BASER_ENTRY_SIZE(table->baser);
	u32 psz = gits_baser_page_size(table->baser);
	u64 size = gits_baser_size(table->baser);
	u32 record_size, idx;

	record_size = its_handover_record_size(GITS_BASER_TYPE(table->baser)) * table->nr_its;
	if (pkvm_its_share_last(nr, table->base, size) ||
	    pkvm_its_share_last(nr, table->shadow, size * (table->records ? 2 : 1)))
		return true;

	if (!(table->baser & GITS_BASER_INDIRECT))
		return pkvm_its_share_last(nr, table->records, size / esz * record_size);

	if (pkvm_its_share_last(nr, table->records, size))
		return true;

	for (idx = 0; idx < size / GITS_LVL1_ENTRY_SIZE; idx++) {
		u64 l2 = le64_to_cpu(((__le64 *)phys_to_virt(table->base))[idx]) & PHYS_MASK;
		u64 *chunks = table->records ? phys_to_virt(table->records) : NULL;

		if (pkvm_its_share_last(nr, l2, psz) ||
		    (chunks && pkvm_its_share_last(nr, chunks[idx], psz / esz * record_size)))
			return true;
	}

	return false;
}

/* Let EL2 find that the range with this number is not the host's alone. */
static void pkvm_its_share_range(const struct its_handover *its, int nr)
{
	u64 records_size = ITS_DEVICE_RECORD_SIZE * its_handover_internal_devices(its->typer);
	u64 queue_size = gits_cbaser_size(its->cbaser);
	u32 i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (its->tables[i].baser && pkvm_its_share_of_table(&nr, &its->tables[i]))
			return;
	}

	if (pkvm_its_share_last(&nr, its->device_records, records_size) ||
	    pkvm_its_share_last(&nr, its->queue, queue_size) ||
	    pkvm_its_share_last(&nr, its->shadow_queue, queue_size))
		return;

	for (i = 0; i < its->nr_devices; i++) {
		if (pkvm_its_share_last(&nr, its->devices[i].itt,
					its->itt_entry_size << its->devices[i].event_bits))
			return;
	}
}

/*
 * Make the description one that EL2 refuses at the chosen step. Beyond the steps
 * that depend on it, count the ranges that EL2 is to donate or share.
 */
static int pkvm_its_break(struct its_handover *its)
{
	switch (pkvm_its_fail_step) {
	case PKVM_ITS_STEP_DRIVER:
		return -ENOMEM;
	case PKVM_ITS_STEP_DESCRIPTION:
		its->nr_devices = U32_MAX;
		break;
	case PKVM_ITS_STEP_FRAME:
		its->phys_base = its->queue;
		break;
	case PKVM_ITS_STEP_REGISTERS:
		its->typer ^= GITS_TYPER_PTA;
		break;
	case PKVM_ITS_STEP_TABLES:
		its->tables[0].base += SZ_64K;
		its->device_records++;
		break;
	case PKVM_ITS_STEP_QUEUE:
		its->queue += SZ_64K;
		break;
	case PKVM_ITS_STEP_DEVICES:
		if (!its->nr_devices)
			return -EINVAL;
		its->devices[0].event_bits = 0;
		break;
	case PKVM_ITS_STEP_RDISTS ... INT_MAX:
		pkvm_its_share_range(its, pkvm_its_fail_step - PKVM_ITS_STEP_RDISTS);
		break;
	}

	return 0;
}

static void pkvm_its_mend(void)
{
	if (pkvm_its_shared_pfn)
		WARN_ON(kvm_call_hyp_nvhe(__pkvm_host_unshare_hyp, pkvm_its_shared_pfn));
	pkvm_its_shared_pfn = 0;
}
#else
static int pkvm_its_break(struct its_handover *its) { return 0; }
static void pkvm_its_mend(void) { }
#endif

/* With room for two names of each redistributor. */
static size_t pkvm_its_state_size(void)
{
	return size_add(PKVM_ITS_SIZE, size_mul(2 * sizeof(u64), pkvm_nr_rdists()));
}

static int pkvm_its_handover_one(struct its_handover *its, size_t size,
				 void *state, size_t state_size)
{
	struct pkvm_its_info *info = pkvm_its_find(its->phys_base);
	int ret;

	ret = pkvm_its_break(its);
	if (ret)
		return ret;

	/* Those of GICv4.1 were never run, so EL2 is to refuse them. */
	its->vlpis = kvm_vgic_global_state.has_gicv4 && !kvm_vgic_global_state.has_gicv4_1 &&
		     (its->typer & GITS_TYPER_VLPIS);

	if (info) {
		info->cbaser = its->cbaser;
		info->shadow_queue = its->shadow_queue;
		info->device_records = its->device_records;
		memcpy(info->tables, its->tables, sizeof(info->tables));
	}

	ret = kvm_call_hyp_nvhe(__pkvm_its_handover, its, size, state, state_size);
	pkvm_its_mend();

	return ret;
}

static void __init pkvm_its_add(phys_addr_t phys_base)
{
	struct pkvm_its_info *info;

	/* Only one of them can be handed over. */
	if (pkvm_its_find(phys_base)) {
		pkvm_its_unknown = true;
		return;
	}

	info = kzalloc_obj(*info);
	if (!info) {
		pkvm_its_unknown = true;
		return;
	}

	info->phys_base = phys_base;
	list_add_tail(&info->node, &pkvm_its_infos);
	pkvm_nr_its++;
}

/* EL2 knows nothing of them, and they take addresses of tables from the host as well. */
static const struct of_device_id pkvm_gicv5_ids[] __initconst = {
	{ .compatible = "arm,gic-v5-irs" },
	{ .compatible = "arm,gic-v5-its" },
	{}
};

/* A node that is disabled is still there: the host can write its registers. */
static void __init pkvm_its_add_of(void)
{
	struct device_node *np;
	struct resource res;

	for_each_matching_node(np, pkvm_gicv5_ids) {
		kvm_err("%pOF: not owned by EL2\n", np);
		pkvm_its_unknown = true;
	}

	for_each_compatible_node(np, NULL, "arm,gic-v3-its") {
		if (of_address_to_resource(np, 0, &res)) {
			kvm_err("%pOF: an ITS without an address\n", np);
			pkvm_its_unknown = true;
			continue;
		}

		pkvm_its_add(res.start);
	}
}

#ifdef CONFIG_ACPI
static int __init pkvm_its_add_madt(union acpi_subtable_headers *header,
				    const unsigned long end)
{
	struct acpi_madt_generic_translator *its = (void *)header;

	if (BAD_MADT_ENTRY(its, end))
		return -EINVAL;

	pkvm_its_add(its->base_address);

	return 0;
}

static int __init pkvm_its_add_gicv5(union acpi_subtable_headers *header,
				     const unsigned long end)
{
	kvm_err("the GICv5 is not owned by EL2\n");
	pkvm_its_unknown = true;

	return 0;
}

static void __init pkvm_its_add_acpi(void)
{
	if (acpi_disabled)
		return;

	acpi_table_parse_madt(ACPI_MADT_TYPE_GICV5_IRS, pkvm_its_add_gicv5, 0);
	if (acpi_table_parse_madt(ACPI_MADT_TYPE_GENERIC_TRANSLATOR,
				  pkvm_its_add_madt, 0) < 0)
		pkvm_its_unknown = true;
}
#else
static void __init pkvm_its_add_acpi(void) { }
#endif

static void pkvm_its_report(phys_addr_t phys_base, int ret)
{
	struct pkvm_its_info *info = pkvm_its_find(phys_base);

	if (info) {
		info->used = true;
		info->ret = ret;
	}

	if (ret >= 0) {
		kvm_info("ITS@%pa: owned by EL2\n", &phys_base);
		return;
	}

	pkvm_its_allow_protected = false;
	pkvm_its_not_owned = true;
	kvm_err("ITS@%pa: hand-over failed: %s (%d); EL2 refuses protected guests\n", &phys_base,
		pkvm_its_step_of(ret) < PKVM_ITS_STEP_MAX ?
			pkvm_its_steps[pkvm_its_step_of(ret)] : "?",
		pkvm_its_errno(ret));
}

/* Nobody handed it over, and the host may use it at any time. */
static void __init pkvm_its_report_unused(void)
{
	struct pkvm_its_info *info;

	list_for_each_entry(info, &pkvm_its_infos, node) {
		if (info->used)
			continue;

		pkvm_its_allow_protected = false;
		pkvm_its_not_owned = true;
		kvm_err("ITS@%pa: described by firmware, not owned by EL2; EL2 refuses protected guests\n",
			&info->phys_base);
	}
}

/* EL2 makes no vPE resident that it does not know. Where it owns nothing all is as without. */
static void __init pkvm_its_report_vlpis(bool rdists_owned)
{
	if (!kvm_vgic_global_state.has_gicv4 || !rdists_owned ||
	    (!pkvm_its_not_owned && !kvm_vgic_global_state.has_gicv4_1))
		return;

	kvm_info("vLPIs are not used: %s\n", pkvm_its_not_owned ? "an ITS is not owned by EL2" :
		 "those of GICv4.1 were never run");
	kvm_vgic_global_state.has_gicv4 = false;
	kvm_vgic_global_state.has_gicv4_1 = false;
}

static u64 pkvm_its_refused(unsigned int its, enum pkvm_its_refused_what what)
{
	return kvm_call_hyp_nvhe(__pkvm_its_refused, its, what);
}

static int pkvm_its_report_refusal(phys_addr_t phys_base, unsigned int its, u64 creadr)
{
	__le64 name = cpu_to_le64(pkvm_its_refused(its, PKVM_ITS_REFUSED_NAME));
	u64 cmd = pkvm_its_refused(its, PKVM_ITS_REFUSED_CMD);
	u64 why = pkvm_its_refused(its, PKVM_ITS_REFUSED_WHY);

	if (pkvm_its_refused(its, PKVM_ITS_REFUSED_AT) != creadr)
		return -EIO;

	pr_err_ratelimited("ITS@%pa: EL2 refused %.8s (device 0x%llx): %s\n", &phys_base,
			   name ? (const char *)&name : "?", FIELD_GET(GITS_CMD0_DEVICE, cmd),
			   why < PKVM_ITS_REFUSAL_MAX ? pkvm_its_refusals[why] : "?");

	return -EPERM;
}

static s64 pkvm_its_send(unsigned int its, const __le64 *cmd, u64 sync)
{
	return kvm_call_hyp_nvhe(__pkvm_its_send, its, le64_to_cpu(cmd[0]), le64_to_cpu(cmd[1]),
				 le64_to_cpu(cmd[2]), le64_to_cpu(cmd[3]), sync);
}

static int pkvm_its_load_vpe(u16 vpe_id, phys_addr_t vconfig, u64 flags)
{
	return kvm_call_hyp_nvhe(__pkvm_vpe_load, vpe_id, vconfig, flags);
}

static const struct its_handover_ops pkvm_its_ops = {
	.state_size	= pkvm_its_state_size,
	.handover	= pkvm_its_handover_one,
	.report		= pkvm_its_report,
	.refused	= pkvm_its_report_refusal,
	.send		= pkvm_its_send,
	.load_vpe	= pkvm_its_load_vpe,
};

/**
 * pkvm_its_prepare() - Allocate what the hand-over of every ITS needs.
 *
 * Process context. The ITSs are the host's before and after; until
 * pkvm_its_finish() no device can be created on any of them.
 */
void __init pkvm_its_prepare(void)
{
	pkvm_its_allow_protected = true;
	pkvm_its_add_of();
	pkvm_its_add_acpi();
	pkvm_rdists_prepare();
	its_handover_prepare(&pkvm_its_ops);
	pkvm_rdists_describe();
}

/**
 * pkvm_its_handover() - Hand every redistributor and every ITS over to EL2.
 *
 * All other CPUs are stopped, and stay so until their stage 2 is in force: in
 * between, their accesses to an ITS would not trap. An ITS whose hand-over
 * fails is the host's as before.
 */
void __init pkvm_its_handover(void)
{
	unsigned int nr_rdists = pkvm_rdists_handover();

	its_handover_commit();
	WARN_ON(kvm_call_hyp_nvhe(__pkvm_its_handover_done,
				  pkvm_its_unknown ? UINT_MAX : pkvm_nr_its, nr_rdists));
}

/**
 * pkvm_its_finish() - Say what came of the hand-over, and free what is left.
 *
 * Process context.
 */
void __init pkvm_its_finish(void)
{
	bool rdists_owned = pkvm_rdists_finish();

	if (!rdists_owned)
		pkvm_its_allow_protected = false;

	its_handover_finish();
	pkvm_its_report_unused();
	pkvm_its_report_vlpis(rdists_owned);

	if (pkvm_its_unknown) {
		pkvm_its_allow_protected = false;
		kvm_err("not every ITS is known; EL2 refuses protected guests\n");
	}
}

/**
 * pkvm_its_allows_protected_vms() - Would EL2 accept a protected guest?
 *
 * EL2 refuses them unless it owns every ITS and every redistributor that the
 * firmware describes; asking first gives a message.
 *
 * Return: true if they are not refused.
 */
bool pkvm_its_allows_protected_vms(void)
{
	return pkvm_its_allow_protected;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
static u64 pkvm_its_query(unsigned int its, enum pkvm_its_query what, u64 idx)
{
	return kvm_call_hyp_nvhe(__pkvm_its_query, its, what, idx);
}

static const char *pkvm_its_owner(bool hyp)
{
	return hyp ? "EL2" : "host";
}

static const char *pkvm_its_frame_owner(const struct pkvm_its_info *info)
{
	return pkvm_its_owner(pkvm_its_query(info->ret, PKVM_ITS_QUERY_OWNER, 0));
}

static void pkvm_its_show_registers(struct seq_file *s, const struct pkvm_its_info *info)
{
	seq_printf(s, " ctlr 0x%llx typer 0x%llx",
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_CTLR, 0),
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_TYPER, 0));
}

static const char *pkvm_its_table_type(u64 baser)
{
	switch (GITS_BASER_TYPE(baser)) {
	case GITS_BASER_TYPE_DEVICE:		return "Devices";
	case GITS_BASER_TYPE_VCPU:		return "vPEs";
	case GITS_BASER_TYPE_COLLECTION:	return "Collections";
	default:				return "Reserved";
	}
}

static void pkvm_its_show_table(struct seq_file *s, const struct pkvm_its_info *info, int i)
{
	u64 baser = info->tables[i].baser;

	seq_printf(s, " type %s layout %s psz %u esz %llu size %llu base 0x%016llx owner %s l2 %llu",
		   pkvm_its_table_type(baser), baser & GITS_BASER_INDIRECT ? "indirect" : "flat",
		   gits_baser_page_size(baser), GITS_BASER_ENTRY_SIZE(baser),
		   gits_baser_size(baser), gits_baser_address(baser),
		   pkvm_its_owner(pkvm_its_query(info->ret, PKVM_ITS_QUERY_TABLE_OWNER, i)),
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_TABLE_NR_L2, i));
}

static void pkvm_its_show_records(struct seq_file *s, const struct pkvm_its_info *info)
{
	seq_printf(s, " owner %s",
		   pkvm_its_owner(pkvm_its_query(info->ret, PKVM_ITS_QUERY_RECORDS_OWNER, 0)));
}

static void pkvm_its_show_queue(struct seq_file *s, const struct pkvm_its_info *info)
{
	seq_printf(s, " size %u base 0x%016llx owner %s",
		   gits_cbaser_size(info->cbaser), GITS_CBASER_ADDRESS(info->cbaser),
		   pkvm_its_owner(pkvm_its_query(info->ret, PKVM_ITS_QUERY_QUEUE_OWNER, 0)));
}

static void pkvm_its_show_l2(struct seq_file *s, const struct pkvm_its_info *info, u64 table)
{
	u64 baser = info->tables[table].baser;
	u64 idx, l2;

	if (!(baser & GITS_BASER_INDIRECT))
		return;

	for (idx = 0; idx < gits_baser_size(baser) / GITS_LVL1_ENTRY_SIZE; idx++) {
		l2 = pkvm_its_query(info->ret, PKVM_ITS_QUERY_L2, table << 32 | idx);
		if (l2)
			seq_printf(s, "l2 table %llu index %llu base 0x%016llx owner %s\n",
				   table, idx, l2 & PHYS_MASK,
				   pkvm_its_owner(l2 & PKVM_ITS_L2_OWNED));
	}
}

static void pkvm_its_show_counts(struct seq_file *s, const struct pkvm_its_info *info)
{
	u64 returned = pkvm_its_query(info->ret, PKVM_ITS_QUERY_RETURNED, 0);
	u64 donated = pkvm_its_query(info->ret, PKVM_ITS_QUERY_DONATED, 0);
	int i;

	seq_printf(s, "devices %llu itt_pages %llu vpes %llu\n",
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_DEVICES, 0),
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_ITT_PAGES, 0),
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_VPES, 0));
	seq_printf(s, "pages owned %llu donated %llu returned %llu\n",
		   donated - returned, donated, returned);
	seq_printf(s, "commands posted %llu refused %llu\n",
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_POSTED, 0),
		   pkvm_its_query(info->ret, PKVM_ITS_QUERY_REFUSED, 0));

	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		pkvm_its_show_l2(s, info, i);
}

static void pkvm_its_show_selftest(struct seq_file *s)
{
	seq_printf(s, "selftest %llu\n", pkvm_its_query(0, PKVM_ITS_QUERY_SELFTEST, 0));
}
#else
static const char *pkvm_its_frame_owner(const struct pkvm_its_info *info) { return "EL2"; }
static void pkvm_its_show_registers(struct seq_file *s, const struct pkvm_its_info *info) { }
static void pkvm_its_show_table(struct seq_file *s, const struct pkvm_its_info *info, int i) { }
static void pkvm_its_show_records(struct seq_file *s, const struct pkvm_its_info *info) { }
static void pkvm_its_show_queue(struct seq_file *s, const struct pkvm_its_info *info) { }
static void pkvm_its_show_counts(struct seq_file *s, const struct pkvm_its_info *info) { }
static void pkvm_its_show_selftest(struct seq_file *s) { }
#endif

static void pkvm_its_show_tables(struct seq_file *s, const struct pkvm_its_info *info)
{
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		const struct its_handover_table *table = &info->tables[i];

		if (!table->baser)
			continue;

		seq_printf(s, "table %d baser 0x%016llx shadow ", i, table->baser);
		if (table->shadow)
			seq_printf(s, "0x%016llx", table->shadow);
		else
			seq_putc(s, '-');
		pkvm_its_show_table(s, info, i);
		seq_putc(s, '\n');
	}
}

static void pkvm_its_show_one(struct seq_file *s, const struct pkvm_its_info *info)
{
	if (!info->used) {
		seq_printf(s, "its %pa owner host unused\n", &info->phys_base);
		return;
	}

	if (info->ret < 0) {
		seq_printf(s, "its %pa owner host error %d\n", &info->phys_base,
			   pkvm_its_errno(info->ret));
		return;
	}

	seq_printf(s, "its %pa owner %s", &info->phys_base, pkvm_its_frame_owner(info));
	pkvm_its_show_registers(s, info);
	seq_putc(s, '\n');

	pkvm_its_show_tables(s, info);

	if (info->device_records) {
		seq_printf(s, "device_records 0x%016llx", info->device_records);
		pkvm_its_show_records(s, info);
		seq_putc(s, '\n');
	}

	seq_printf(s, "queue cbaser 0x%016llx shadow 0x%016llx", info->cbaser,
		   info->shadow_queue);
	pkvm_its_show_queue(s, info);
	seq_putc(s, '\n');

	pkvm_its_show_counts(s, info);
}

static int pkvm_its_show(struct seq_file *s, void *unused)
{
	struct pkvm_its_info *info;

	list_for_each_entry(info, &pkvm_its_infos, node)
		pkvm_its_show_one(s, info);

	pkvm_rdists_show(s);
	seq_printf(s, "protected_guests %s\n",
		   pkvm_its_allows_protected_vms() ? "allowed" : "refused");
	pkvm_its_show_selftest(s);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pkvm_its);

static int __init pkvm_its_debugfs_init(void)
{
	struct dentry *dir;

	if (!is_pkvm_initialized())
		return 0;

	dir = debugfs_lookup("kvm", NULL);
	if (IS_ERR_OR_NULL(dir))
		return 0;

	debugfs_create_file("its", 0400, dir, NULL, &pkvm_its_fops);
	dput(dir);

	return 0;
}
late_initcall(pkvm_its_debugfs_init);
