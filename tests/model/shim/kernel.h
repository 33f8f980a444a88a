/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What its_*.c need of the kernel, in user space. Included ahead of every file;
 * the kernel headers that they name are empty, see the Makefile.
 *
 * Memory that the host can still write is poisoned for ASan: READ_ONCE() is the
 * only way to it, and tells the model first, so that it can change under EL2.
 */
#ifndef MODEL_SHIM_KERNEL_H
#define MODEL_SHIM_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int32_t s32;
typedef long long s64;
typedef u64 __le64;
typedef u64 phys_addr_t;

#define CONFIG_ARM64		1
#define CONFIG_KVM		1
#define CONFIG_ARM_GIC_V3_ITS	1
#define CONFIG_NVHE_EL2_DEBUG	1
#define KVM_MAX_PVMS		255
#define U32_MAX			UINT_MAX

#ifndef PAGE_SHIFT
#define PAGE_SHIFT		12
#endif
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))

/* As Kconfig has it: 52 bits come with 64K pages. */
#define PHYS_MASK		GENMASK_ULL(PAGE_SHIFT == 16 ? 51 : 47, 0)

#define __iomem
#define __force
#define __init
#define unrolled_count(n)
#define unrolled
#define __maybe_unused		__attribute__((unused))
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define _AC(x, suffix)		x##suffix
#define BITS_PER_BYTE		8
#define BITS_PER_TYPE(type)	(sizeof(type) * BITS_PER_BYTE)
#define ffz(x)			__builtin_ctzll(~(u64)(x))
#define MSEC_PER_SEC		1000L
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define GENMASK(h, l)		((unsigned long)GENMASK_ULL(h, l))
#define FIELD_GET(mask, reg)	\
	((typeof(mask))(((reg) & (mask)) >> __builtin_ctzll(mask)))
#define FIELD_PREP(mask, val)	\
	((typeof(mask))(((typeof(mask))(val) << __builtin_ctzll(mask)) & (mask)))
#define FIELD_MAX(mask)		((typeof(mask))((mask) >> __builtin_ctzll(mask)))
#define FIELD_FIT(mask, val)	\
	(!((((typeof(mask))(val)) << __builtin_ctzll(mask)) & ~(mask)))
#define lower_32_bits(n)	((u32)(n))
#define upper_32_bits(n)	((u32)((n) >> 32))
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define cpu_to_le64(x)		(x)
#define le64_to_cpu(x)		(x)

static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
#define ilog2(n)		(fls64(n) - 1)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member)	\
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min(a, b)		({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define swap(a, b)		do { typeof(a) _t = (a); (a) = (b); (b) = _t; } while (0)

#define ALIGN_DOWN(x, a)	((x) & ~((typeof(x))(a) - 1))
#define ALIGN(x, a)		ALIGN_DOWN((x) + ((typeof(x))(a) - 1), a)
#define IS_ALIGNED(x, a)	(!((x) & ((typeof(x))(a) - 1)))
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define PAGE_ALIGNED(x)		IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define round_down(x, a)	ALIGN_DOWN(x, a)
#define round_up(x, a)		ALIGN(x, a)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))

#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)

static inline size_t size_add(size_t a, size_t b)
{
	return __builtin_add_overflow(a, b, &a) ? SIZE_MAX : a;
}

static inline size_t size_mul(size_t a, size_t b)
{
	return __builtin_mul_overflow(a, b, &a) ? SIZE_MAX : a;
}

#define array_size(n, size)		size_mul(n, size)
#define struct_size(p, member, n)	\
	size_add(sizeof(*(p)), size_mul(n, sizeof(*(p)->member)))

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)
#define INIT_LIST_HEAD(l)	((l)->next = (l)->prev = (l))
#define list_for_each_entry(pos, head, member)				\
	for (pos = container_of((head)->next, typeof(*pos), member);	\
	     &pos->member != (head);					\
	     pos = container_of(pos->member.next, typeof(*pos), member))

static inline void list_del(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	entry->next = entry->prev = NULL;
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	new->prev = head->prev;
	new->next = head;
	head->prev->next = new;
	head->prev = new;
}

/* In own.c and hw.c: what the model does instead of the machine. */
void __attribute__((noreturn, format(printf, 1, 2))) model_fail(const char *fmt, ...);
void model_read_once(const volatile void *p, void *to, size_t size);
void model_wrote_once(const volatile void *p);
void model_barrier(void);
void model_switch(void);
u32 model_cpu(void);
u64 model_mpidr(void);
void model_flush(const void *va, size_t size);
u64 model_clock(void);

#define WARN_ON(cond) ({						\
	bool _cond = (cond);						\
	if (_cond)							\
		model_fail("WARN_ON(%s) in %s()", #cond, __func__);	\
	_cond; })
#define BUG_ON(cond)		((void)WARN_ON(cond))
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), #cond)
#define static_assert		_Static_assert

/* The other CPU may go on instead, here and where a lock or a register is accessed. */
#define READ_ONCE(x) ({							\
	typeof(((void)0, (x))) _val;					\
	model_switch();							\
	model_read_once(&(x), &_val, sizeof(_val));			\
	_val; })
#define WRITE_ONCE(x, val) do {						\
	model_switch();							\
	*(volatile typeof(x) *)&(x) = (val);				\
	model_wrote_once(&(x));						\
} while (0)

#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, val)	WRITE_ONCE(*(p), val)
#define smp_mb()		model_switch()
#define dsb(domain)		model_barrier()
#define cpu_relax()		do { } while (0)
#define clear_page(va)		memset(va, 0, PAGE_SIZE)
#define kvm_flush_dcache_to_poc(va, size)	model_flush(va, size)
#define read_sysreg(reg)	1000ULL
#define __arch_counter_get_cntpct()	model_clock()

#define NR_CPUS			2
#define DEFINE_PER_CPU(type, name)	type name[NR_CPUS]
#define this_cpu_ptr(ptr)	(&(*(ptr))[model_cpu()])
#define read_cpuid_mpidr()	model_mpidr()
#define MPIDR_AFFINITY_LEVEL(mpidr, level)	\
	((mpidr) >> ((level) == 3 ? 32 : (level) * 8) & 0xff)

/* Of mem_protect.c alone. */
struct rb_node {
	struct rb_node *left, *right;
};

typedef struct { bool held; } hyp_spinlock_t;

#define DEFINE_HYP_SPINLOCK(name)	hyp_spinlock_t name

void hyp_spin_lock_init(hyp_spinlock_t *lock);
void hyp_spin_lock(hyp_spinlock_t *lock);
void hyp_spin_unlock(hyp_spinlock_t *lock);
#define hyp_assert_lock_held(lock)	WARN_ON(!(lock)->held)

u32 readl_relaxed(const void *reg);
u64 readq_relaxed(const void *reg);
void writel_relaxed(u32 val, void *reg);
void writeq_relaxed(u64 val, void *reg);
#define readl(reg)		readl_relaxed(reg)
#define readq(reg)		readq_relaxed(reg)
#define writel(val, reg)	writel_relaxed(val, reg)
#define writeq(val, reg)	writeq_relaxed(val, reg)

/* The host and EL2 see memory at the same addresses here, the ITS does not. */
extern u64 hyp_physvirt_offset;
#define kern_hyp_va(va)		(va)
#define hyp_phys_to_virt(phys)	((void *)((u64)(phys) - hyp_physvirt_offset))
#define __hyp_va(phys)		hyp_phys_to_virt(phys)
#define __hyp_pa(va)		((u64)(va) + hyp_physvirt_offset)
#define hyp_virt_to_phys(va)	__hyp_pa(va)
#define hyp_phys_to_pfn(phys)	((u64)(phys) >> PAGE_SHIFT)
#define hyp_pfn_to_phys(pfn)	((u64)(pfn) << PAGE_SHIFT)
#define hyp_virt_to_pfn(va)	hyp_phys_to_pfn(__hyp_pa(va))

/* Of arm-gic-v3.h, which is included as an assembler sees it. */
struct its_cmd_block {
	u64 raw_cmd[4];
};

struct hyp_mmio_region;
struct kvm_cpu_context;

bool pkvm_host_is_deprivileged(void);
bool pkvm_hyp_owns(phys_addr_t phys, u64 size);
int __pkvm_host_share_hyp(u64 pfn);
int __pkvm_host_unshare_hyp(u64 pfn);
int __pkvm_host_donate_hyp(u64 pfn, u64 nr_pages);
int __pkvm_hyp_donate_host(u64 pfn, u64 nr_pages);
int hyp_pin_shared_mem(void *from, void *to);
void hyp_unpin_shared_mem(void *from, void *to);
int hyp_page_count(void *addr);
struct hyp_mmio_region *host_find_hyp_mmio(phys_addr_t addr);

#define trace_its_donate(...)	((void)0)
#define trace_its_return(...)	((void)0)
#define trace_its_refused(...)	((void)0)

#endif /* MODEL_SHIM_KERNEL_H */
