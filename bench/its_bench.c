// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ITS driver's commands cost, counted where user space cannot: a driver
 * which takes two MSI-X vectors of a PCI function and leaves it alone otherwise, so
 * that binding and unbinding it is all about the ITS; the masking, unmasking and
 * moving of one of the two; and a device that does not exist, mapped and unmapped
 * in the ITS that this function uses.
 *
 *	echo "mask 64" > /sys/kernel/debug/its_bench
 *	cat /sys/kernel/debug/its_bench
 *
 * QEMU has to run one instruction in each nanosecond, and the counter to count
 * these: -icount shift=0, and a CPU with cntfrq=1000000000.
 */

#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <clocksource/arm_arch_timer.h>
#include <asm/arch_timer.h>

/* Within the first L2 page of the Device table, and no PCI function's. */
#define BENCH_DEVICE_ID	0x700

#define NR_VECTORS	2
#define NR_NEIGHBOURS	8
#define MAX_ROUNDS	100000

struct bench_op {
	const char	*name;
	const char	*there;
	const char	*back;
	int		(*run)(u64 *there, u64 *back);
};

static struct pci_dev *bench_pdev;
static struct dentry *bench_dentry;
static DEFINE_MUTEX(bench_lock);
static char bench_result[128];

static u64 bench_now(void)
{
	return __arch_counter_get_cntvct();
}

/* An LPI which is masked at once when it is disabled: INV each time. */
static int bench_mask(u64 *there, u64 *back)
{
	unsigned int irq = pci_irq_vector(bench_pdev, 0);
	u64 t0, t1, t2;

	local_irq_disable();
	t0 = bench_now();
	disable_irq_nosync(irq);
	t1 = bench_now();
	enable_irq(irq);
	t2 = bench_now();
	local_irq_enable();

	*there = t1 - t0;
	*back = t2 - t1;

	return 0;
}

static int bench_move(u64 *there, u64 *back)
{
	unsigned int irq = pci_irq_vector(bench_pdev, 0);
	u64 t0, t1, t2;
	int ret;

	local_irq_disable();
	t0 = bench_now();
	ret = irq_set_affinity(irq, cpumask_of(1));
	t1 = bench_now();
	ret = ret ?: irq_set_affinity(irq, cpumask_of(0));
	t2 = bench_now();
	local_irq_enable();

	*there = t1 - t0;
	*back = t2 - t1;

	return ret;
}

static int bench_create(unsigned long device_id, msi_alloc_info_t *alloc)
{
	struct irq_domain *domain = dev_get_msi_domain(&bench_pdev->dev);
	struct msi_domain_info *info = domain->host_data;

	memset(alloc, 0, sizeof(*alloc));
	alloc->scratchpad[0].ul = device_id;

	return info->ops->msi_prepare(domain, &bench_pdev->dev, 1, alloc);
}

static void bench_destroy(msi_alloc_info_t *alloc)
{
	struct irq_domain *domain = dev_get_msi_domain(&bench_pdev->dev);
	struct msi_domain_info *info = domain->host_data;

	info->ops->msi_teardown(domain, alloc);
}

/* A new device of the driver's: an ITT for one event, MAPD; and back. */
static int bench_mapd(u64 *there, u64 *back)
{
	msi_alloc_info_t alloc;
	u64 t0, t1, t2;
	int ret;

	t0 = bench_now();
	ret = bench_create(BENCH_DEVICE_ID, &alloc);
	t1 = bench_now();
	if (ret)
		return ret;
	bench_destroy(&alloc);
	t2 = bench_now();

	*there = t1 - t0;
	*back = t2 - t1;

	return 0;
}

static int bench_clock(u64 *there, u64 *back)
{
	u64 t0 = bench_now(), t1 = bench_now();

	*there = t1 - t0;
	*back = *there;

	return 0;
}

static const struct bench_op bench_ops[] = {
	{ "mask", "mask", "unmask", bench_mask },
	{ "move", "move_to_1", "move_to_0", bench_move },
	{ "mapd", "mapd", "unmapd", bench_mapd },
};

/* Of all rounds: neither a timer tick nor an allocation of the first one counts. */
static int bench_least(int (*run)(u64 *, u64 *), unsigned int rounds, u64 *there, u64 *back)
{
	u64 t, b;
	int ret;

	*there = U64_MAX;
	*back = U64_MAX;

	while (rounds--) {
		ret = run(&t, &b);
		if (ret)
			return ret;
		*there = min(*there, t);
		*back = min(*back, b);
	}

	return 0;
}

static int bench_create_neighbours(msi_alloc_info_t *neighbours)
{
	int i, ret;

	for (i = 0; i < NR_NEIGHBOURS; i++) {
		ret = bench_create(BENCH_DEVICE_ID + 1 + i, &neighbours[i]);
		if (ret) {
			while (i--)
				bench_destroy(&neighbours[i]);
			return ret;
		}
	}

	return 0;
}

/*
 * The device has neighbours which are as new, so that the ITT of one of them is
 * close: then what it costs does not depend on whether EL2 has to make and free a
 * table of its own stage 1.
 */
static int bench_least_beside(int (*run)(u64 *, u64 *), unsigned int rounds, u64 *there, u64 *back)
{
	static msi_alloc_info_t neighbours[NR_NEIGHBOURS];
	int i, ret;

	if (run != bench_mapd)
		return bench_least(run, rounds, there, back);

	ret = bench_create_neighbours(neighbours);
	if (ret)
		return ret;
	ret = bench_least(run, rounds, there, back);
	for (i = 0; i < NR_NEIGHBOURS; i++)
		bench_destroy(&neighbours[i]);

	return ret;
}

static int bench_run(const struct bench_op *op, unsigned int rounds)
{
	u64 clock, there, back;
	int ret;

	ret = bench_least(bench_clock, 16, &clock, &clock);
	if (!ret)
		ret = bench_least_beside(op->run, rounds, &there, &back);
	if (!ret)
		scnprintf(bench_result, sizeof(bench_result), "%s %llu\n%s %llu\n",
			  op->there, there - clock, op->back, back - clock);

	return ret;
}

static ssize_t bench_write(struct file *file, const char __user *ubuf, size_t len, loff_t *pos)
{
	unsigned int rounds;
	char buf[32], name[16];
	int i;

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	buf[len] = '\0';
	if (sscanf(buf, "%15s %u", name, &rounds) != 2 || !rounds || rounds > MAX_ROUNDS)
		return -EINVAL;

	guard(mutex)(&bench_lock);
	bench_result[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(bench_ops); i++) {
		if (!strcmp(bench_ops[i].name, name))
			return bench_run(&bench_ops[i], rounds) ?: len;
	}

	return -EINVAL;
}

static ssize_t bench_read(struct file *file, char __user *ubuf, size_t len, loff_t *pos)
{
	guard(mutex)(&bench_lock);

	return simple_read_from_buffer(ubuf, len, pos, bench_result, strlen(bench_result));
}

static const struct file_operations bench_fops = {
	.owner	= THIS_MODULE,
	.read	= bench_read,
	.write	= bench_write,
};

static irqreturn_t bench_interrupt(int irq, void *data)
{
	return IRQ_HANDLED;
}

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	unsigned int i, irq;
	int ret;

	if (bench_pdev)
		return -EBUSY;

	if (arch_timer_get_cntfrq() != NSEC_PER_SEC) {
		pci_err(pdev, "the counter does not count nanoseconds\n");
		return -EINVAL;
	}

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	ret = pci_alloc_irq_vectors(pdev, NR_VECTORS, NR_VECTORS, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;

	for (i = 0; i < NR_VECTORS; i++) {
		irq = pci_irq_vector(pdev, i);
		irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
		ret = request_irq(irq, bench_interrupt, 0, "its_bench", pdev);
		if (ret)
			goto err_free;
	}

	bench_pdev = pdev;
	bench_dentry = debugfs_create_file("its_bench", 0600, NULL, NULL, &bench_fops);

	return 0;

err_free:
	while (i--)
		free_irq(pci_irq_vector(pdev, i), pdev);
	pci_free_irq_vectors(pdev);

	return ret;
}

static void bench_remove(struct pci_dev *pdev)
{
	unsigned int i;

	debugfs_remove(bench_dentry);
	bench_pdev = NULL;
	for (i = 0; i < NR_VECTORS; i++)
		free_irq(pci_irq_vector(pdev, i), pdev);
	pci_free_irq_vectors(pdev);
}

/* No IDs: bound through driver_override alone. */
static struct pci_driver bench_driver = {
	.name	= "its_bench",
	.probe	= bench_probe,
	.remove	= bench_remove,
};
module_pci_driver(bench_driver);

MODULE_DESCRIPTION("Cost of GICv3 ITS commands");
MODULE_LICENSE("GPL");
