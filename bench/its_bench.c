// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ITS driver's commands cost, counted where user space cannot: a driver
 * which takes two MSI-X vectors of a PCI function and leaves it alone otherwise, so
 * that binding and unbinding it is all about the ITS; the masking, unmasking and
 * moving of one of the two; and a device that does not exist, mapped and unmapped
 * in the ITS that this function uses. Also an IPI to CPU 1, and a PPI that nobody
 * uses, masked and unmasked.
 *
 *	echo "mask 64" > /sys/kernel/debug/its_bench
 *	cat /sys/kernel/debug/its_bench
 *
 * "forward FD" passes the first vector on to the guest which has this eventfd as an
 * irqfd, until it is closed.
 *
 * QEMU has to run one instruction in each nanosecond, and the counter to count
 * these: -icount shift=0, and a CPU with cntfrq=1000000000.
 */

#include <linux/debugfs.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/irqdomain.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <clocksource/arm_arch_timer.h>
#include <asm/arch_timer.h>

/* Within the first L2 page of the Device table, and no PCI function's. */
#define BENCH_DEVICE_ID	0x700

/* INTID 24 is a PPI of no device of this machine; edge-triggered, like SGIs. */
#define BENCH_PPI	8

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
static int bench_nr_vectors;
static unsigned int bench_ppi;
static struct irq_bypass_producer bench_producer;
static DEFINE_PER_CPU(int, bench_percpu);
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

/* GICR_ICENABLER0, then until GICR_CTLR.RWP is 0; GICR_ISENABLER0. */
static int bench_mask_ppi(u64 *there, u64 *back)
{
	u64 t0, t1, t2;

	local_irq_disable();
	enable_percpu_irq(bench_ppi, IRQ_TYPE_NONE);
	t0 = bench_now();
	disable_percpu_irq(bench_ppi);
	t1 = bench_now();
	enable_percpu_irq(bench_ppi, IRQ_TYPE_NONE);
	t2 = bench_now();
	disable_percpu_irq(bench_ppi);
	local_irq_enable();

	*there = t1 - t0;
	*back = t2 - t1;

	return 0;
}

static void bench_nothing(void *unused)
{
}

static int bench_ipi(u64 *there, u64 *back)
{
	u64 t0, t1;
	int ret;

	t0 = bench_now();
	ret = smp_call_function_single(1, bench_nothing, NULL, true);
	t1 = bench_now();

	*there = t1 - t0;
	*back = 0;

	return ret;
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
	{ "ppi", "ppi_mask", "ppi_unmask", bench_mask_ppi },
	{ "ipi", "ipi", NULL, bench_ipi },
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

static irqreturn_t bench_percpu_interrupt(int irq, void *data)
{
	return IRQ_HANDLED;
}

/* The GIC is the root of all MSI domains. */
static int bench_request_ppi(void)
{
	struct irq_fwspec fwspec = {
		.param_count	= 3,
		.param		= { 1, BENCH_PPI, IRQ_TYPE_EDGE_RISING },
	};
	struct irq_domain *domain = dev_get_msi_domain(&bench_pdev->dev);
	int ret;

	while (domain && domain->parent)
		domain = domain->parent;
	if (!domain)
		return -ENODEV;

	fwspec.fwnode = domain->fwnode;
	bench_ppi = irq_create_fwspec_mapping(&fwspec);
	if (!bench_ppi)
		return -EINVAL;

	ret = request_percpu_irq(bench_ppi, bench_percpu_interrupt, "its_bench", &bench_percpu);
	if (ret)
		irq_dispose_mapping(bench_ppi);

	return ret;
}

static void bench_free_ppi(void)
{
	free_percpu_irq(bench_ppi, &bench_percpu);
	irq_dispose_mapping(bench_ppi);
}

/* Requested for this alone: binding the device is to be about its interrupts. */
static int bench_least_ppi(int (*run)(u64 *, u64 *), unsigned int rounds, u64 *there, u64 *back)
{
	int ret = bench_request_ppi();

	if (ret)
		return ret;
	ret = bench_least(run, rounds, there, back);
	bench_free_ppi();

	return ret;
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

	if (run == bench_mask_ppi)
		return bench_least_ppi(run, rounds, there, back);
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
	int len, ret;

	ret = bench_least(bench_clock, 16, &clock, &clock);
	if (!ret)
		ret = bench_least_beside(op->run, rounds, &there, &back);
	if (ret)
		return ret;

	len = scnprintf(bench_result, sizeof(bench_result), "%s %llu\n", op->there, there - clock);
	if (op->back)
		scnprintf(bench_result + len, sizeof(bench_result) - len, "%s %llu\n",
			  op->back, back - clock);

	return 0;
}

static void bench_keep(void)
{
	if (IS_ENABLED(CONFIG_IRQ_BYPASS_MANAGER) && bench_producer.eventfd)
		irq_bypass_unregister_producer(&bench_producer);
}

static int bench_forward(int fd)
{
	struct eventfd_ctx *eventfd;
	int ret;

	/* Without KVM there is no guest. */
	if (!IS_ENABLED(CONFIG_IRQ_BYPASS_MANAGER))
		return -ENODEV;

	bench_keep();
	eventfd = eventfd_ctx_fdget(fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	ret = irq_bypass_register_producer(&bench_producer, eventfd, pci_irq_vector(bench_pdev, 0));
	eventfd_ctx_put(eventfd);

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
	if (!strcmp(name, "forward"))
		return bench_forward(rounds) ?: len;
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

static int bench_release(struct inode *inode, struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE))
		return 0;

	guard(mutex)(&bench_lock);
	bench_keep();

	return 0;
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.read		= bench_read,
	.write		= bench_write,
	.release	= bench_release,
};

static irqreturn_t bench_interrupt(int irq, void *data)
{
	return IRQ_HANDLED;
}

static void bench_free_vectors(struct pci_dev *pdev, unsigned int nr)
{
	while (nr--)
		free_irq(pci_irq_vector(pdev, nr), pdev);
	pci_free_irq_vectors(pdev);
}

/* Two of MSI-X, or one of MSI from a device that is made to send it. */
static int bench_request_vectors(struct pci_dev *pdev)
{
	int i, irq, ret;

	bench_nr_vectors = pci_alloc_irq_vectors(pdev, NR_VECTORS, NR_VECTORS, PCI_IRQ_MSIX);
	if (bench_nr_vectors < 0) {
		bench_nr_vectors = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
		pci_set_master(pdev);
	}
	if (bench_nr_vectors < 0)
		return bench_nr_vectors;

	for (i = 0; i < bench_nr_vectors; i++) {
		irq = pci_irq_vector(pdev, i);
		irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
		ret = request_irq(irq, bench_interrupt, 0, "its_bench", pdev);
		if (ret) {
			bench_free_vectors(pdev, i);
			return ret;
		}
	}

	return 0;
}

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
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

	ret = bench_request_vectors(pdev);
	if (ret)
		return ret;

	bench_pdev = pdev;
	bench_dentry = debugfs_create_file("its_bench", 0600, NULL, NULL, &bench_fops);

	return 0;
}

static void bench_remove(struct pci_dev *pdev)
{
	debugfs_remove(bench_dentry);
	bench_keep();
	bench_pdev = NULL;
	bench_free_vectors(pdev, bench_nr_vectors);
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
