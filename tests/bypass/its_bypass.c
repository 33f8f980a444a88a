// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver which passes the MSI of QEMU's "edu" device on to a guest, as VFIO does for
 * any device: the interrupt handler signals an eventfd, and an irq bypass producer for
 * this eventfd lets KVM make a vLPI of it.
 *
 * Where EL2 owns the ITS it is a compromised host as well: it calls EL2 behind the back
 * of the ITS driver and of KVM.
 */

#include <linux/arm-smccc.h>
#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqdomain.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/stop_machine.h>
#include <linux/uaccess.h>

#include <asm/kvm_asm.h>

#include "its_bypass.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define EDU_RAISE_IRQ	0x60

#define ITS_CMD_SIZE	32

static unsigned long its_base = 0x8080000;
module_param(its_base, ulong, 0400);
MODULE_PARM_DESC(its_base, "The ITS of the device");

static struct pci_dev *bypass_pdev;
static void __iomem *bypass_bar, *bypass_its;
static struct irq_bypass_producer bypass_producer;
static struct eventfd_ctx *bypass_eventfd;
static DEFINE_SPINLOCK(bypass_eventfd_lock);
static atomic_t bypass_count;
/* Of all ioctls but RAISE and CMDS, which happen while the others do something. */
static DEFINE_MUTEX(bypass_lock);

static irqreturn_t bypass_interrupt(int irq, void *data)
{
	atomic_inc(&bypass_count);

	guard(spinlock)(&bypass_eventfd_lock);
	if (bypass_eventfd)
		eventfd_signal(bypass_eventfd);

	return IRQ_HANDLED;
}

static struct eventfd_ctx *bypass_set_eventfd(struct eventfd_ctx *eventfd)
{
	guard(spinlock_irq)(&bypass_eventfd_lock);

	return xchg(&bypass_eventfd, eventfd);
}

static int bypass_signal(int fd)
{
	struct eventfd_ctx *eventfd = NULL;

	if (fd >= 0) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}

	irq_bypass_unregister_producer(&bypass_producer);
	eventfd = bypass_set_eventfd(eventfd);
	if (eventfd)
		eventfd_ctx_put(eventfd);

	return 0;
}

static int bypass_forward(bool forward)
{
	irq_bypass_unregister_producer(&bypass_producer);
	if (!forward)
		return 0;
	if (!bypass_eventfd)
		return -EINVAL;

	return irq_bypass_register_producer(&bypass_producer, bypass_eventfd,
					    pci_irq_vector(bypass_pdev, 0));
}

static int bypass_info(void __user *arg)
{
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(bypass_pdev, 0));
	struct its_bypass_info info = {
		.device	= pci_dev_id(bypass_pdev),
		.count	= atomic_read(&bypass_count),
	};

	/* The LPI is what the GIC calls it, at the root of its domains. */
	while (data->parent_data)
		data = data->parent_data;
	info.lpi = data->hwirq;

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* The command and a SYNC, in one entry into EL2: nothing happens if one is refused. */
static bool bypass_send(const u64 *cmd, u64 rdbase)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_hvc(KVM_HOST_SMCCC_FUNC(__pkvm_its_send), 0, cmd[0], cmd[1], cmd[2], cmd[3],
			  GITS_CMD_SYNC | rdbase, &res);

	return res.a0 == SMCCC_RET_SUCCESS && (s64)res.a1 >= 0;
}

/* There may be no room before the ITS has executed some of it. */
static bool bypass_sync(u64 rdbase)
{
	const u64 sync[4] = { GITS_CMD_SYNC, 0, rdbase, 0 };
	unsigned int tries = 1000;

	while (!bypass_send(sync, rdbase)) {
		if (!--tries)
			return false;
		udelay(5);
	}

	return true;
}

static void bypass_try(struct its_bypass_cmds *cmds)
{
	unsigned int i;

	cmds->accepted = 0;
	for (i = 0; i < cmds->nr; i++) {
		if (bypass_send(cmds->cmd[i], cmds->rdbase))
			cmds->accepted |= BIT(i);
	}
}

/*
 * The driver does not know that its queue went on: go around, until it is where it was.
 * Each call of EL2 takes two slots.
 */
static int bypass_post(void *data)
{
	u64 home = readq_relaxed(bypass_its + GITS_CWRITER), rounds;
	struct its_bypass_cmds *cmds = data;

	rounds = ((readq_relaxed(bypass_its + GITS_CBASER) & 0xff) + 1) * SZ_4K / ITS_CMD_SIZE;
	bypass_try(cmds);
	while (readq_relaxed(bypass_its + GITS_CWRITER) != home) {
		if (!--rounds || !bypass_sync(cmds->rdbase))
			return -EIO;
	}

	return 0;
}

/* Where EL2 may accept one, no CPU does anything else: the driver holds none of its locks then. */
static int bypass_cmds(void __user *arg)
{
	struct its_bypass_cmds cmds;
	int ret = 0;

	if (copy_from_user(&cmds, arg, sizeof(cmds)))
		return -EFAULT;
	if (cmds.nr > ITS_BYPASS_MAX_CMDS)
		return -EINVAL;

	if (cmds.forbidden)
		bypass_try(&cmds);
	else
		ret = stop_machine(bypass_post, &cmds, NULL);
	if (!ret && copy_to_user(arg, &cmds, sizeof(cmds)))
		ret = -EFAULT;

	return ret;
}

static long bypass_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case ITS_BYPASS_RAISE:
		writel(1, bypass_bar + EDU_RAISE_IRQ);
		return 0;
	case ITS_BYPASS_CMDS:
		return bypass_cmds((void __user *)arg);
	}

	guard(mutex)(&bypass_lock);
	switch (cmd) {
	case ITS_BYPASS_INFO:
		return bypass_info((void __user *)arg);
	case ITS_BYPASS_EVENTFD:
		return bypass_signal(arg);
	case ITS_BYPASS_FORWARD:
		return bypass_forward(arg);
	default:
		return -ENOTTY;
	}
}

static int bypass_release(struct inode *inode, struct file *file)
{
	guard(mutex)(&bypass_lock);

	return bypass_signal(-1);
}

static const struct file_operations bypass_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= bypass_ioctl,
	.release	= bypass_release,
};

static struct miscdevice bypass_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "its_bypass",
	.fops	= &bypass_fops,
};

static int bypass_request_irq(struct pci_dev *pdev)
{
	int ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);

	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), bypass_interrupt, 0, "its_bypass", pdev);
	if (ret)
		pci_free_irq_vectors(pdev);

	return ret;
}

static void bypass_free_irq(struct pci_dev *pdev)
{
	free_irq(pci_irq_vector(pdev, 0), pdev);
	pci_free_irq_vectors(pdev);
}

static int bypass_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	if (bypass_pdev)
		return -EBUSY;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	bypass_bar = pcim_iomap(pdev, 0, 0);
	bypass_its = devm_ioremap(&pdev->dev, its_base, SZ_64K);
	if (!bypass_bar || !bypass_its)
		return -ENOMEM;

	/* An MSI is a write of the device. */
	pci_set_master(pdev);
	bypass_pdev = pdev;
	ret = bypass_request_irq(pdev);
	if (ret)
		goto out;
	ret = misc_register(&bypass_misc);
	if (ret)
		bypass_free_irq(pdev);
out:
	if (ret)
		bypass_pdev = NULL;

	return ret;
}

/* An open file has the module, but not the device: nobody unbinds that meanwhile. */
static void bypass_remove(struct pci_dev *pdev)
{
	misc_deregister(&bypass_misc);
	bypass_free_irq(pdev);
	bypass_pdev = NULL;
}

static const struct pci_device_id bypass_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bypass_ids);

static struct pci_driver bypass_driver = {
	.name		= "its_bypass",
	.id_table	= bypass_ids,
	.probe		= bypass_probe,
	.remove		= bypass_remove,
};
module_pci_driver(bypass_driver);

MODULE_DESCRIPTION("An MSI for a guest");
MODULE_LICENSE("GPL");
