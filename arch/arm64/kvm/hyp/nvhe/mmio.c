// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO that the host has donated to EL2.
 *
 * A device does DMA at the addresses in its registers. Without an SMMU in
 * between, that is a way around the host's stage 2. Once EL2 owns the registers
 * of such a device, every access of the host, but for loads where it may read, is
 * either:
 *
 *	- decoded from the syndrome and passed to the region's handler, then
 *	  the instruction is skipped; or
 *	- if the syndrome does not describe it (pairs, exclusives, atomics, cache
 *	  maintenance, AArch32, instruction fetches, table walks), answered
 *	  with a synchronous external abort.
 *
 * This is safe because ownership is decided under the host's stage-2 lock, by
 * the tree in mem_protect.c and not by a page-table entry; and because nothing
 * but the syndrome and the registers of the trapped context, which the host
 * cannot change while EL2 runs on that CPU, says what the access is. Where it goes
 * may be another matter: if a store faults for want of permission, the hardware does
 * not give the address, and __translate_far_to_hpfar() walks the host's stage 1
 * again, which another CPU may have changed. All that follows from the address is who
 * owns it; the host could have stored the same there in the first place.
 */

#include <asm/kvm_emulate.h>
#include <asm/kvm_hyp.h>

#include <nvhe/mem_protect.h>
#include <nvhe/mm.h>
#include <nvhe/mmio.h>
#include <nvhe/trap_handler.h>

#include <hyp/adjust_pc.h>

/**
 * hyp_mmio_donate() - Donate an MMIO range of the host to EL2, and map it there.
 * @region:	The range, whose @pfn, @nr_pages and @handler are set.
 *
 * On success EL2 owns the range and maps it at @region->base as Device memory.
 * On failure the range is the host's as before.
 *
 * Return: 0, or the error of __pkvm_host_donate_hyp_mmio() or of the mapping.
 */
int hyp_mmio_donate(struct hyp_mmio_region *region)
{
	unsigned long va;
	int ret;

	ret = __pkvm_host_donate_hyp_mmio(region);
	if (ret)
		return ret;

	ret = __pkvm_create_private_mapping(hyp_pfn_to_phys(region->pfn),
					    region->nr_pages << PAGE_SHIFT,
					    PAGE_HYP_DEVICE, &va);
	if (ret) {
		__pkvm_hyp_donate_host_mmio(region);
		return ret;
	}

	region->base = (void __iomem *)va;

	return 0;
}

/**
 * hyp_mmio_return() - Unmap an MMIO range at EL2 and return it to the host.
 * @region:	A range that hyp_mmio_donate() donated.
 *
 * The virtual range is not reused: EL2 has no allocator for it.
 */
void hyp_mmio_return(struct hyp_mmio_region *region)
{
	u64 size = region->nr_pages << PAGE_SHIFT;
	u64 va = (__force u64)region->base;

	hyp_spin_lock(&pkvm_pgd_lock);
	WARN_ON(kvm_pgtable_hyp_unmap(&pkvm_pgtable, va, size) != size);
	hyp_spin_unlock(&pkvm_pgd_lock);

	region->base = NULL;
	__pkvm_hyp_donate_host_mmio(region);
}

static bool host_is_aarch32(void)
{
	return read_sysreg_el2(SYS_SPSR) & PSR_MODE32_BIT;
}

static bool host_is_at_el0(void)
{
	return (read_sysreg_el2(SYS_SPSR) & PSR_MODE_MASK) == PSR_MODE_EL0t;
}

static bool syndrome_describes_access(u64 esr)
{
	return esr_is_data_abort(esr) && (esr & ESR_ELx_ISV) &&
	       !(esr & (ESR_ELx_S1PTW | ESR_ELx_CM)) && !host_is_aarch32();
}

static u64 host_get_reg(struct kvm_cpu_context *host_ctxt, int reg)
{
	return reg == 31 ? 0 : cpu_reg(host_ctxt, reg);
}

static void host_set_reg(struct kvm_cpu_context *host_ctxt, int reg, u64 val)
{
	if (reg != 31)
		cpu_reg(host_ctxt, reg) = val;
}

static u64 mmio_load_result(u64 esr, u64 data, u8 width)
{
	int top = width * 8 - 1;

	if (esr & ESR_ELx_SSE)
		data = sign_extend64(data, top);
	else
		data &= GENMASK_ULL(top, 0);

	return esr & ESR_ELx_SF ? data : lower_32_bits(data);
}

static void skip_host_load_store(void)
{
	u64 spsr = read_sysreg_el2(SYS_SPSR);

	write_sysreg_el2(spsr & ~(PSR_BTYPE_MASK | DBG_SPSR_SS), SYS_SPSR);
	kvm_skip_host_instr();
}

static void inject_host_external_abort(u64 esr)
{
	bool data = esr_is_data_abort(esr);
	u64 ec;

	if (host_is_at_el0())
		ec = data ? ESR_ELx_EC_DABT_LOW : ESR_ELx_EC_IABT_LOW;
	else
		ec = data ? ESR_ELx_EC_DABT_CUR : ESR_ELx_EC_IABT_CUR;

	inject_host_exception((ec << ESR_ELx_EC_SHIFT) | (esr & ESR_ELx_IL) |
			      ESR_ELx_FnV | ESR_ELx_FSC_EXTABT);
}

/**
 * handle_host_mmio() - Resolve a host abort on MMIO that EL2 owns.
 * @host_ctxt:	The host's registers.
 * @addr:	The faulting physical address, to the byte.
 * @esr:	The syndrome of the abort.
 *
 * Called without any lock, which a handler may therefore take in any order.
 *
 * Return: true if @addr belongs to EL2 and the access was emulated or answered
 * with an external abort; false if the abort is somebody else's.
 */
bool handle_host_mmio(struct kvm_cpu_context *host_ctxt, phys_addr_t addr, u64 esr)
{
	struct hyp_mmio_region *region = host_find_hyp_mmio(addr);
	struct hyp_mmio_access access = {};
	int reg, top;

	if (!region)
		return false;

	if (!syndrome_describes_access(esr)) {
		inject_host_external_abort(esr);
		return true;
	}

	reg = FIELD_GET(ESR_ELx_SRT_MASK, esr);
	access.offset = addr - hyp_pfn_to_phys(region->pfn);
	access.width = 1 << FIELD_GET(ESR_ELx_SAS, esr);
	access.write = esr & ESR_ELx_WNR;
	top = access.width * 8 - 1;

	if (access.write)
		access.data = host_get_reg(host_ctxt, reg) & GENMASK_ULL(top, 0);

	region->handler(region, &access);

	if (!access.write)
		host_set_reg(host_ctxt, reg, mmio_load_result(esr, access.data, access.width));

	skip_host_load_store();

	return true;
}
