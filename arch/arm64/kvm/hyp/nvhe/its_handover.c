// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hand-overs of ITSs and of redistributors have in common: a description that
 * EL2 reads while nobody else can write it, and memory for its state.
 */

#include <asm/kvm_hyp.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/**
 * hyp_its_begin_handover() - Donate what a hand-over begins with.
 * @desc_hva:	Host address of a description, page aligned.
 * @desc_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 * @state_hva:	Host address of memory for EL2's state, page aligned.
 * @state_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 *
 * Both are the host's before and EL2's after. On failure nothing has changed.
 *
 * Return: 0; -EPERM if the host has lost its privileges, or if a page is not its
 * alone; -EINVAL if something is empty or not aligned.
 */
int hyp_its_begin_handover(unsigned long desc_hva, size_t desc_size,
			   unsigned long state_hva, size_t state_size)
{
	u64 desc_pfn = hyp_virt_to_pfn(kern_hyp_va((void *)desc_hva));
	u64 state_pfn = hyp_virt_to_pfn(kern_hyp_va((void *)state_hva));
	int ret;

	if (pkvm_host_is_deprivileged())
		return -EPERM;

	if (!PAGE_ALIGNED(desc_hva | desc_size | state_hva | state_size) ||
	    !desc_size || !state_size)
		return -EINVAL;

	ret = __pkvm_host_donate_hyp(desc_pfn, desc_size >> PAGE_SHIFT);
	if (ret)
		return ret;

	ret = __pkvm_host_donate_hyp(state_pfn, state_size >> PAGE_SHIFT);
	if (ret)
		WARN_ON(__pkvm_hyp_donate_host(desc_pfn, desc_size >> PAGE_SHIFT));

	return ret;
}

/**
 * hyp_its_end_handover() - Return what hyp_its_begin_handover() donated.
 * @desc_hva:	As there.
 * @desc_size:	As there.
 * @state_hva:	As there.
 * @state_size:	As there.
 * @keep_state:	The state stays EL2's. Otherwise it has been cleared.
 */
void hyp_its_end_handover(unsigned long desc_hva, size_t desc_size,
			  unsigned long state_hva, size_t state_size, bool keep_state)
{
	u64 desc_pfn = hyp_virt_to_pfn(kern_hyp_va((void *)desc_hva));
	u64 state_pfn = hyp_virt_to_pfn(kern_hyp_va((void *)state_hva));

	if (keep_state)
		hyp_its_keep_state(hyp_pfn_to_phys(state_pfn), state_size);
	else
		WARN_ON(__pkvm_hyp_donate_host(state_pfn, state_size >> PAGE_SHIFT));
	WARN_ON(__pkvm_hyp_donate_host(desc_pfn, desc_size >> PAGE_SHIFT));
}
