// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Registers virtio-mmio devices that a hypervisor named on the kernel's command line.
 *
 * Debian's kernel has the driver for such devices but was built without reading the command line for them. The init reads it
 * (tee/init/src/devices.rs) and loads this module with three lists of equal length; the kernel's own driver does the rest.
 */

#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>

#define MOST 32

static unsigned long base[MOST], size[MOST];
static unsigned int irq[MOST];
static unsigned int bases, sizes, irqs;
static struct platform_device *registered[MOST];

module_param_array(base, ulong, &bases, 0444);
MODULE_PARM_DESC(base, "physical addresses of the devices' registers");
module_param_array(size, ulong, &sizes, 0444);
MODULE_PARM_DESC(size, "bytes of the devices' registers");
module_param_array(irq, uint, &irqs, 0444);
MODULE_PARM_DESC(irq, "interrupts of the devices");

static void unregister(unsigned int count)
{
	while (count > 0)
		platform_device_unregister(registered[--count]);
}

static int __init zktee_mmio_init(void)
{
	unsigned int i;

	if (bases != sizes || bases != irqs)
		return -EINVAL;
	for (i = 0; i < bases; i++) {
		const struct resource resources[] = {
			DEFINE_RES_MEM(base[i], size[i]),
			DEFINE_RES_IRQ(irq[i]),
		};

		registered[i] = platform_device_register_simple("virtio-mmio", i, resources, ARRAY_SIZE(resources));
		if (IS_ERR(registered[i])) {
			int error = PTR_ERR(registered[i]);

			unregister(i);
			return error;
		}
	}
	return 0;
}

static void __exit zktee_mmio_exit(void)
{
	unregister(bases);
}

module_init(zktee_mmio_init);
module_exit(zktee_mmio_exit);

MODULE_DESCRIPTION("virtio-mmio devices from the kernel's command line");
MODULE_LICENSE("Dual MIT/GPL");
