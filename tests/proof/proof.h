/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a proof has in place of a machine. Every .c file here includes this, then
 * EL2's files, then describes every state and every input that there can be.
 *
 * prove() is a property by name, and never() one that says where nobody may come.
 * With REACH each prove() is a question instead, if any input comes there: without an
 * answer the property would hold for want of inputs.
 */
#ifndef PROOF_H
#define PROOF_H

#include "shim/kernel.h"

typedef unsigned __int128 u128;

#define assume(cond)		__CPROVER_assume(cond)
#ifdef REACH
#define prove(cond, what)	__CPROVER_assert(0, what)
#define never(what)		((void)0)
#else
#define prove(cond, what)	__CPROVER_assert(cond, what)
#define never(what)		__CPROVER_assert(0, what)
#endif

u64 nondet_u64(void);
u32 nondet_u32(void);
int nondet_int(void);
_Bool nondet_bool(void);

/* -EPERM or the like, or 0. */
static inline int nondet_error(void) { return nondet_bool() ? -EPERM : 0; }

/* EL2 reaches memory through these alone, and each proof has a memory of its own. */
void *ghost_virt(u64 phys);
u64 ghost_phys(const void *va);
#undef hyp_phys_to_virt
#undef hyp_virt_to_phys
#undef __hyp_va
#undef __hyp_pa
#define hyp_phys_to_virt(phys)	ghost_virt(phys)
#define hyp_virt_to_phys(va)	ghost_phys(va)
#define __hyp_va(phys)		ghost_virt(phys)
#define __hyp_pa(va)		ghost_phys(va)

/* Sizes have no bound: a note of what is cleared, in place of the stores. */
void *ghost_memset(void *p, int c, u64 size);
#define memset(p, c, size)	ghost_memset(p, c, size)

/* Two guests at a time, each with a configuration table, in place of 255. */
#undef KVM_MAX_PVMS
#define KVM_MAX_PVMS		2

#endif
