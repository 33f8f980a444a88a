// SPDX-License-Identifier: GPL-2.0-only
/*
 * Things nobody thought of: registers, commands and first levels at random, from
 * all CPUs at once. What the driver uses is left alone, and no memory but our own
 * is offered: what a host gives away it does not get back.
 */
#include "attack.h"

#define ITS_DEBUGFS		"/sys/kernel/debug/kvm/its"

#define FUZZ_DEVICES		8
#define FUZZ_ICID		0x100
#define FUZZ_RDISTS		16
#define RDIST_FRAMES		4	/* with GICv4: RD_base, SGIs, VLPIs and one reserved */

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

struct fuzzer {
	pthread_t thread;
	int cpu;
	u64 state;
	u64 actions;
};

static u64 fuzz_end;

static u64 fuzz_next(struct fuzzer *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;

	return f->state;
}

static u32 fuzz_below(struct fuzzer *f, u32 n)
{
	return (fuzz_next(f) >> 32) % n;
}

/* An address that is not the host's, or none at all. */
static u64 fuzz_bad_addr(struct fuzzer *f)
{
	const u64 addrs[] = {
		its.victim, its.victim + SZ_32K, its.pool, its.devices->base, its.queue, its.slots,
		its.base, its.redist, 0, GENMASK_ULL(51, 16),
		its_vpes.table ? its_vpes.table->base : its.victim,
	};

	return addrs[fuzz_below(f, ARRAY_SIZE(addrs))];
}

static u64 fuzz_itt(struct fuzzer *f)
{
	return fuzz_below(f, 4) ? its.own_phys : fuzz_bad_addr(f);
}

static u64 fuzz_vpt(struct fuzzer *f)
{
	return its_vpes.own_phys && its_vpes.has_l2 && fuzz_below(f, 4) ? its_vpes.own_phys :
								       fuzz_bad_addr(f);
}

static u32 fuzz_dev(struct fuzzer *f)
{
	return fuzz_below(f, 16) ? its.free_dev - fuzz_below(f, FUZZ_DEVICES) :
				   0x80000000 | fuzz_next(f);
}

static u32 fuzz_vpe(struct fuzzer *f)
{
	return its_vpes.free - fuzz_below(f, FUZZ_DEVICES);
}

static u32 fuzz_event(struct fuzzer *f)
{
	return fuzz_below(f, 8) ? fuzz_below(f, ITT_EVENTS + 1) : fuzz_next(f);
}

static u32 fuzz_intid(struct fuzzer *f)
{
	return fuzz_below(f, 8) ? LPI_UNUSED + fuzz_below(f, 64) : fuzz_next(f);
}

static u64 fuzz_rdbase(struct fuzzer *f)
{
	return fuzz_below(f, 4) ? its.rdbase : fuzz_next(f);
}

static struct its_cmd fuzz_cmd(struct fuzzer *f)
{
	u32 dev = fuzz_dev(f), event = fuzz_event(f), vpe = fuzz_vpe(f);
	static const u8 event_cmds[] = {
		GITS_CMD_MAPI, GITS_CMD_MOVI, GITS_CMD_DISCARD, GITS_CMD_CLEAR, GITS_CMD_INT,
		GITS_CMD_INV,
	};
	static const u8 vpe_cmds[] = {
		GITS_CMD_VMAPP, GITS_CMD_VSYNC, GITS_CMD_VINVALL, GITS_CMD_VSGI, GITS_CMD_INVDB,
	};
	struct its_cmd cmd;

	switch (fuzz_below(f, 16)) {
	case 0 ... 2:
		/* A larger ITT in memory of ours would take what is behind it. */
		if (fuzz_below(f, 8))
			return mapd(dev, fuzz_itt(f), ITT_EVENT_BITS);
		return mapd(dev, fuzz_bad_addr(f), 1 + fuzz_below(f, 32));
	case 3:
		return unmapd(dev);
	case 4:
		return mapti(dev, event, fuzz_intid(f), fuzz_below(f, 2));
	case 5 ... 6:
		return event_cmd(event_cmds[fuzz_below(f, ARRAY_SIZE(event_cmds))], dev, event,
				 fuzz_below(f, 2));
	case 7:
		return mapc(FUZZ_ICID + fuzz_below(f, FUZZ_DEVICES), fuzz_rdbase(f));
	case 8:
		return sync_cmd(fuzz_rdbase(f));
	case 9:
		return movall(fuzz_next(f) | BIT_ULL(50), fuzz_rdbase(f));
	case 10 ... 11:
		return vmapp_sized(vpe, fuzz_vpt(f), fuzz_below(f, 8) ? VPT_INTID_BITS :
							   1 + fuzz_below(f, 32));
	case 12:
		return vpe_cmd(vpe_cmds[fuzz_below(f, ARRAY_SIZE(vpe_cmds))], vpe);
	case 13:
		return vmapti(dev, event, vpe, fuzz_intid(f));
	case 14:
		return vmovp(vpe, fuzz_rdbase(f));
	default:
		/* No DeviceID, ICID or vPEID that somebody uses. */
		cmd = (struct its_cmd) {
			{ fuzz_next(f) | BIT_ULL(63), fuzz_next(f) | BIT_ULL(47),
			  fuzz_next(f) | BIT_ULL(15) | BIT_ULL(50), fuzz_next(f) | BIT_ULL(51) }
		};
		return cmd;
	}
}

/*
 * Who holds it for reading does not care what others do to the same commands. But
 * of a MAPC and half of something else could come one for the driver's collections.
 */
static pthread_rwlock_t fuzz_lock = PTHREAD_RWLOCK_INITIALIZER;

static void fuzz_put(struct fuzzer *f, u64 at, bool racy)
{
	struct its_cmd cmd;

	do {
		cmd = fuzz_cmd(f);
	} while (racy && FIELD_GET(CMD0_OPCODE, cmd.dw[0]) == GITS_CMD_MAPC);

	its_host_put(at, &cmd);
}

/* The driver's way to post, but for the care it takes. */
static void fuzz_post(struct fuzzer *f)
{
	unsigned int nr = 1 + fuzz_below(f, 4);
	struct its_cmd sync = sync_cmd(its.rdbase);
	bool racy = fuzz_below(f, 2);
	unsigned int i;
	u64 at;

	if (racy)
		pthread_rwlock_rdlock(&fuzz_lock);
	else
		pthread_rwlock_wrlock(&fuzz_lock);

	at = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	for (i = 0; i < nr; i++)
		fuzz_put(f, its_host_next(at, i), racy);
	at = its_host_next(at, nr);
	its_host_write(GITS_CWRITER, at, 8);

	for (i = 0; i < nr && its_host_read(GITS_CREADR, 8) & GITS_CREADR_STALLED; i++) {
		if (fuzz_below(f, 2))
			its_host_put((its_host_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET), &sync);
		else
			fuzz_put(f, (its_host_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET), racy);
		its_host_write(GITS_CWRITER, at | GITS_CWRITER_RETRY, 8);
	}

	pthread_rwlock_unlock(&fuzz_lock);
}

/* A register, a part of it, or any offset of a frame: aligned, as no access faults for that. */
static u64 fuzz_offset(struct fuzzer *f, const u32 *regs, unsigned int nr, unsigned int width)
{
	u64 offset = fuzz_below(f, 4) ? regs[fuzz_below(f, nr)] + fuzz_below(f, 8) :
					fuzz_below(f, SZ_64K);

	return offset & ~(width - 1ULL);
}

/* What was there but for one bit, all bits, or an address, valid or not. */
static u64 fuzz_value(struct fuzzer *f, u64 val)
{
	switch (fuzz_below(f, 4)) {
	case 0:
		return val ^ BIT_ULL(fuzz_below(f, 64));
	case 1:
		return fuzz_next(f);
	default:
		return (val & ~GITS_L1_ADDR) | fuzz_bad_addr(f) | (u64)fuzz_below(f, 2) << 63;
	}
}

static void fuzz_register(struct fuzzer *f)
{
	static const u32 regs[] = {
		GITS_CTLR, GITS_IIDR, GITS_TYPER, GITS_CBASER, GITS_CWRITER, GITS_CREADR,
		GITS_BASER, GITS_BASER + 8, GITS_BASER + 16, GITS_BASER + 56,
	};
	unsigned int width = BIT(fuzz_below(f, 4));
	u64 offset, val;

	offset = fuzz_offset(f, regs, ARRAY_SIZE(regs), width);
	val = its_host_read(offset, width);
	if (fuzz_below(f, 2))
		return;

	val = fuzz_value(f, val);
	/* If it is legal it is a long way to go, over what nobody has written. */
	if (offset == GITS_CWRITER)
		val |= BIT_ULL(1 + fuzz_below(f, 4));
	its_host_write(offset, val, width);
	if (offset == GITS_CTLR)
		its_host_write(GITS_CTLR, GITS_CTLR_ENABLE, 4);
}

static void fuzz_l1(struct fuzzer *f)
{
	s64 index = its_host_free_l1(its.devices);
	u64 l1 = fuzz_bad_addr(f) | GITS_L1_VALID;
	struct its_cmd cmd;

	if (index < 0 || !its.devices->shadow)
		return;

	if (!fuzz_below(f, 4))
		l1 |= fuzz_next(f) & (GENMASK_ULL(62, 52) | GENMASK_ULL(11, 0));
	pthread_rwlock_rdlock(&fuzz_lock);
	its_host_set_l1(its.devices, index, l1,
			fuzz_below(f, 2) ? its.own_phys : fuzz_bad_addr(f));
	cmd = mapd(index * (its.devices->psz / its.devices->esz), its.own_phys, ITT_EVENT_BITS);
	its_host_put(its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET, &cmd);
	fuzz_register(f);
	its_host_set_l1(its.devices, index, 0, 0);
	pthread_rwlock_unlock(&fuzz_lock);
}

/*
 * The redistributors, if EL2 owns them: otherwise the host would only harm itself. The
 * frame of the SGIs is always the host's.
 */
static struct fuzz_rdist {
	void *frame;
	bool has_vlpis;
	u64 ctlr;
} rdists[FUZZ_RDISTS];
static unsigned int nr_rdists;

static void find_rdists(void)
{
	struct fuzz_rdist *rd;
	char line[512];
	u64 phys, typer;
	FILE *f;

	f = fopen(ITS_DEBUGFS, "r");
	while (f && nr_rdists < FUZZ_RDISTS && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "rdist 0x%lx", &phys) != 1 || !strstr(line, " owner EL2 cpu "))
			continue;
		rd = &rdists[nr_rdists++];
		rd->frame = its_host_map(phys, 2 * SZ_64K, true);
		its_host_try(rd->frame + GICR_TYPER, 8, &typer, false);
		rd->has_vlpis = typer & GICR_TYPER_VLPIS;
		if (rd->has_vlpis)
			rd->frame = its_host_map(phys, RDIST_FRAMES * SZ_64K, true);
		its_host_try(rd->frame + GICR_CTLR, 4, &rd->ctlr, false);
	}
	if (f)
		fclose(f);
	ksft_print_msg("%u redistributors are EL2's\n", nr_rdists);
}

static void fuzz_rdist(struct fuzzer *f)
{
	/* GICR_VPROPBASER and GICR_VPENDBASER are at the same offsets. */
	static const u32 regs[] = {
		GICR_CTLR, GICR_TYPER, GICR_PROPBASER, GICR_PENDBASER, GICR_PROPBASER,
		GICR_PENDBASER, GICR_INVLPIR, GICR_INVALLR, GICR_SETLPIR, GICR_VSGIR,
	};
	struct fuzz_rdist *rd = &rdists[fuzz_below(f, nr_rdists)];
	unsigned int frame = rd->has_vlpis ? fuzz_below(f, RDIST_FRAMES) & ~1 : 0;
	unsigned int width = BIT(fuzz_below(f, 4));
	u64 offset, val = 0;
	void *va;

	if (frame && !fuzz_below(f, 8))
		frame = 3;
	offset = fuzz_offset(f, regs, ARRAY_SIZE(regs), width);
	va = rd->frame + frame * SZ_64K + offset;
	its_host_try(va, width, &val, false);
	/* GICR_WAKER would put it to sleep. */
	if (fuzz_below(f, 2) || (offset > GICR_TYPER && offset < GICR_SETLPIR))
		return;

	val = fuzz_value(f, val);
	its_host_try(va, width, &val, true);
	/* Nor may it give LPIs to others. */
	if (!frame && offset < GICR_TYPER)
		its_host_try(rd->frame + GICR_CTLR, 4, &rd->ctlr, true);
}

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;

	its_host_pin_to_cpu(f->cpu);
	while (now_ms() < fuzz_end) {
		switch (fuzz_below(f, 8)) {
		case 0 ... 2:
			fuzz_register(f);
			break;
		case 3:
			if (nr_rdists)
				fuzz_rdist(f);
			else
				fuzz_register(f);
			break;
		case 4:
			if (!f->cpu)
				fuzz_l1(f);
			break;
		default:
			fuzz_post(f);
			break;
		}
		f->actions++;
	}

	return NULL;
}

/* Whatever is left mapped, and wherever the queue stands. */
static bool fuzz_clean_up(void)
{
	unsigned int tries = its.queue_size / ITS_CMD_SIZE * 2;
	struct its_cmd cmd;
	unsigned int i;

	its_host_enable(true);
	its.write = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	while (its_host_wait(its.write) == QUEUE_STALLED && tries--)
		its_host_repair();

	for (i = 0; i < FUZZ_DEVICES; i++) {
		its_host_unmap_dev(its.free_dev - i);
		while (its_host_wait(its.write) == QUEUE_STALLED && tries--)
			its_host_repair();
		cmd = its_cmd(GITS_CMD_MAPC, 0, 0, FUZZ_ICID + i);
		its_host_post(&cmd, 1);
		if (its_vpes.table)
			its_host_unmap_vpe(its_vpes.free - i);
		while (its_host_wait(its.write) == QUEUE_STALLED && tries--)
			its_host_repair();
	}

	return its_host_wait(its.write) == QUEUE_DONE;
}

int run_fuzz(const struct its_test *t)
{
	unsigned int nr = sysconf(_SC_NPROCESSORS_ONLN);
	struct its_cmd sync = sync_cmd(its.rdbase);
	struct fuzzer fuzzers[nr];
	u64 actions = 0;
	unsigned int i;
	int ret;

	/* Where the write pointer goes back, the ITS goes around: let it. */
	its_host_fill_queue(&sync);
	find_rdists();

	fuzz_end = now_ms() + t->value * 1000;
	for (i = 0; i < nr; i++) {
		fuzzers[i] = (struct fuzzer) {
			.cpu	= i,
			.state	= (t->addr * nr + i + 1) * 0x9e3779b97f4a7c15ULL,
		};
		if (pthread_create(&fuzzers[i].thread, NULL, fuzz_thread, &fuzzers[i]))
			ksft_exit_fail_perror("pthread_create");
	}

	/* MSIs fly meanwhile. Some get lost while the ITS is disabled. */
	while (now_ms() < fuzz_end)
		its_host_interrupts();
	for (i = 0; i < nr; i++) {
		pthread_join(fuzzers[i].thread, NULL);
		actions += fuzzers[i].actions;
	}
	its_host_pin_to_cpu(0);

	/* MSIs may have been lost. */
	its_host_enable(false);
	ret = fuzz_clean_up() ? KSFT_PASS : its_host_fail("the queue does not go on");
	ksft_print_msg("seed %lu: %lu actions\n", t->addr, actions);

	return ret;
}
