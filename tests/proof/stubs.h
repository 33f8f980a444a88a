/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest of EL2, with any result. What a proof has itself it says with OWN_*
 * before it includes this.
 */
void __attribute__((noreturn)) model_fail(const char *fmt, ...)
{
	never("no WARN_ON()");
	assume(0);
	for (;;)
		;
}

void model_switch(void) { }
void model_barrier(void) { }
void model_flush(const void *va, size_t size) { }
u32 model_cpu(void) { return 0; }
u64 model_mpidr(void) { return nondet_u64(); }

#ifndef OWN_CLOCK
u64 model_clock(void) { return nondet_u64(); }
#endif

#ifndef OWN_READ_ONCE
/* EL2's own memory, which does not change meanwhile. */
void model_read_once(const volatile void *p, void *to, size_t size)
{
	if (size == 8)
		*(u64 *)to = *(u64 *)p;
	else
		*(u32 *)to = *(u32 *)p;
}
#endif

#ifndef OWN_WROTE_ONCE
void model_wrote_once(const volatile void *p) { }
#endif

void hyp_spin_lock_init(hyp_spinlock_t *lock) { lock->held = false; }

void hyp_spin_lock(hyp_spinlock_t *lock)
{
	if (lock->held)
		never("no lock is taken twice");
	lock->held = true;
}

void hyp_spin_unlock(hyp_spinlock_t *lock)
{
	if (!lock->held)
		never("no lock is released twice");
	lock->held = false;
}

#ifndef OWN_MMIO
u32 readl_relaxed(const void *reg) { return nondet_u32(); }
u64 readq_relaxed(const void *reg) { return nondet_u64(); }
void writel_relaxed(u32 val, void *reg) { never("no register is written"); }
void writeq_relaxed(u64 val, void *reg) { never("no register is written"); }
#endif

#if !defined(OWN_MEMORY) && !defined(GHOST_H)
/* Where a physical address is all that counts. */
void *ghost_virt(u64 phys) { return (void *)phys; }
u64 ghost_phys(const void *va) { return (u64)va; }
void *ghost_memset(void *p, int c, u64 size) { return p; }
#endif

#ifndef GHOST_H
int __pkvm_host_donate_hyp(u64 pfn, u64 nr_pages) { return nondet_error(); }
int __pkvm_hyp_donate_host(u64 pfn, u64 nr_pages) { return 0; }
#endif
#ifndef OWN_SHARES
int __pkvm_host_share_hyp(u64 pfn) { return nondet_error(); }
int __pkvm_host_unshare_hyp(u64 pfn) { return nondet_error(); }
int hyp_pin_shared_mem(void *from, void *to) { return nondet_error(); }
void hyp_unpin_shared_mem(void *from, void *to) { }
#endif
bool pkvm_host_is_deprivileged(void) { return nondet_bool(); }
bool pkvm_hyp_owns(phys_addr_t phys, u64 size) { return nondet_bool(); }
int hyp_page_count(void *addr) { return nondet_int(); }
