// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attacks that succeed on a kernel that leaves the ITS to the host: seen from
 * outside they prove that the observer sees something. They do overwrite part of
 * the victim, in memory that EL2 has reserved but never uses.
 */
#include <ftw.h>
#include <limits.h>

#include "attack.h"

#define DT_ROOT			"/sys/firmware/devicetree/base"
/* The L1 entry attack lands here, away from ITT and flat table. */
#define VICTIM_L2_OFFSET	SZ_16K

static int access_memory(const struct its_test *t)
{
	void *va = its_host_map(t->addr, 8, false);
	u64 val = 0;

	if (!its_host_try(va, 8, &val, false))
		return its_host_fail("cannot be read");

	/* It is live data: write what is there. */
	return its_host_try(va, 8, &val, true) ? KSFT_PASS : its_host_fail("cannot be written");
}

static int map_onto_victim(const struct its_test *t)
{
	struct its_cmd cmds[ITT_EVENTS + 2];
	enum its_queue_state state;
	unsigned int i;

	cmds[0] = mapd(its.free_dev, its.victim, ITT_EVENT_BITS);
	for (i = 0; i < ITT_EVENTS; i++)
		cmds[1 + i] = mapti(its.free_dev, i, LPI_UNUSED + i, 0);
	cmds[1 + ITT_EVENTS] = sync_cmd(its.rdbase);

	state = its_host_post(cmds, ARRAY_SIZE(cmds));
	its_host_unmap_dev(its.free_dev);

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("the queue stalled");
}

/* An entry of the first level leads to the victim. */
static int move_l2(const struct its_test *t)
{
	u32 per_page = its.devices->psz / its.devices->esz;
	u32 dev = t->value * per_page + VICTIM_L2_OFFSET / its.devices->esz;
	struct its_cmd cmd = mapd(dev, its.own_phys, ITT_EVENT_BITS);
	enum its_queue_state state;
	u64 l2, chunk;

	l2 = its_host_get_l1(its.devices, t->value, &chunk);
	its_host_set_l1(its.devices, t->value, its.victim | GITS_L1_VALID, chunk);
	state = its_host_post(&cmd, 1);
	its_host_set_l1(its.devices, t->value, l2, chunk);

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("MAPD was refused");
}

/* An L2 page of ours for the vPE table, a vPE in it with its VPT in the victim. */
static int map_vpe_onto_victim(const struct its_test *t)
{
	const struct its_table *table = its_vpes.table;
	u32 vpe = table->psz / table->esz;
	struct its_cmd cmds[] = {
		vmapp(vpe, its.victim),
		vmapti(its.free_dev, 0, vpe, VPT_SIZE * 8 - 1),
		event_cmd(GITS_CMD_INT, its.free_dev, 0, 0),
		sync_cmd(its.rdbase),
	};
	struct its_cmd discard = event_cmd(GITS_CMD_DISCARD, its.free_dev, 0, 0);
	enum its_queue_state state;
	u64 l2, chunk;

	if (!its_vpes.own || !table->nr_l1) {
		its_host_fail("no memory for an L2 page, or a flat table");
		return KSFT_SKIP;
	}

	memset(its_vpes.own, 0, VPT_ALIGN);
	l2 = its_host_get_l1(table, 1, &chunk);
	its_host_set_l1(table, 1, its_vpes.own_phys | GITS_L1_VALID, chunk);
	if (!its_host_map_dev())
		return its_host_fail("MAPD or MAPTI refused");
	its_host_post(&discard, 1);
	state = its_host_post(cmds, ARRAY_SIZE(cmds));

	its_host_unmap_vpe(vpe);
	its_host_unmap_dev(its.free_dev);
	its_host_set_l1(table, 1, l2, chunk);

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("the queue stalled");
}

static bool set_devices(u64 baser, u64 *now)
{
	if (!its_host_enable(false))
		return false;
	its_host_write(devices_reg(), baser, 8);
	*now = its_host_read(devices_reg(), 8);

	return its_host_enable(true);
}

/* No unmapping: that would clear the entry just written. */
static int move_table(const struct its_test *t)
{
	struct its_cmd cmd = mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS);
	enum its_queue_state state;
	u64 now, after;

	if (!set_devices(moved_baser(), &now))
		return its_host_fail("the ITS cannot be disabled and enabled");
	state = its_host_post(&cmd, 1);
	if (!set_devices(its.devices->baser, &after))
		return its_host_fail("the ITS cannot be disabled and enabled");

	if ((now & GITS_BASER_ADDR) != (moved_baser() & GITS_BASER_ADDR))
		return its_host_fail("GITS_BASER is 0x%lx", now);

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("MAPD was refused");
}

/* The ITS would take what is in the victim for commands: do not let it. */
static int move_queue(const struct its_test *t)
{
	u64 now;

	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");
	its_host_write(GITS_CBASER, (its.cbaser & ~(GITS_CBASER_ADDR | GITS_CBASER_PAGES)) |
				    its.victim, 8);
	now = its_host_read(GITS_CBASER, 8);
	if (!its_host_restart(its.cbaser))
		return its_host_fail("the queue does not start at zero");

	return GITS_CBASER_ADDRESS(now) == its.victim ? KSFT_PASS :
	       its_host_fail("GITS_CBASER is 0x%lx", now);
}

void stock_attacks(void)
{
	s64 l1 = its_host_free_l1(its.devices);

	its_host_test_memory("the CPU reads and writes", access_memory);
	its_host_test(map_onto_victim, "MAPD with an ITT in hypervisor memory, then 32 MAPTI");
	if (l1 >= 0)
		its_host_test(move_l2, "MAPD by an L2 page in hypervisor memory", .value = l1);
	if (its_vpes.table)
		its_host_test(map_vpe_onto_victim,
			      "VMAPP onto hypervisor memory, then VMAPTI, INT");
	its_host_test(move_table, "the Device table moved into hypervisor memory, then MAPD");
	its_host_test(move_queue, "the command queue moved into hypervisor memory");
	its_host_test(its_host_resume, "the registers written as on resume");
}

/* Debugfs does not say where it is: the device tree does. */

static char its_node[PATH_MAX];

static int visit_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const char its_compatible[] = "arm,gic-v3-its";
	char buf[256] = {};
	ssize_t len;
	char *p;
	int fd;

	if (type != FTW_F || strcmp(path + ftw->base, "compatible"))
		return 0;

	fd = open(path, O_RDONLY);
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	for (p = buf; p < buf + len; p += strlen(p) + 1) {
		if (strcmp(p, its_compatible))
			continue;
		snprintf(its_node, sizeof(its_node), "%.*s", ftw->base - 1, path);
		return 1;
	}

	return 0;
}

static unsigned int read_cells(const char *node, const char *name, u32 *cells, unsigned int max)
{
	char path[PATH_MAX + 32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", node, name);
	fd = open(path, O_RDONLY);
	len = read(fd, cells, max * sizeof(*cells));
	close(fd);

	return len < 0 ? 0 : len / sizeof(*cells);
}

/* Buses are taken for 1:1. */
u64 find_its(void)
{
	u32 addr_cells = htobe32(2), cells[64];
	char parent[PATH_MAX];
	unsigned int i, nr;
	u64 addr = 0;

	if (nftw(DT_ROOT, visit_node, 16, FTW_PHYS) != 1)
		ksft_exit_skip("no GICv3 ITS in %s\n", DT_ROOT);

	snprintf(parent, sizeof(parent), "%s", its_node);
	*strrchr(parent, '/') = '\0';
	read_cells(parent, "#address-cells", &addr_cells, 1);
	nr = read_cells(its_node, "reg", cells, ARRAY_SIZE(cells));
	for (i = 0; i < be32toh(addr_cells) && i < nr; i++)
		addr = addr << 32 | be32toh(cells[i]);
	if (!addr)
		ksft_exit_skip("%s has no address\n", its_node);

	return addr;
}
