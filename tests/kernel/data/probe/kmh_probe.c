// SPDX-License-Identifier: GPL-2.0-only
/* The smallest module that uses the highmem API: what the tests of module builds compile. */
#include <linux/highmem.h>
#include <linux/module.h>

struct kmh_sample {
	__u32 first;
	__u16 second;
	__u16 third[3];
};

enum kmh_kind {
	KMH_KIND_ONE = 1,
	KMH_KIND_NINE = 9,
};

static struct kmh_sample sample;
static enum kmh_kind kind = KMH_KIND_NINE;
module_param_named(kind, kind, uint, 0);

static int __init kmh_probe_init(void)
{
	enum fixed_addresses index = FIX_KMAP_BEGIN;

	sample.first = __fix_to_virt(index) + current->pid;
	kunmap(ZERO_PAGE(0));
	return 0;
}

static void __exit kmh_probe_exit(void)
{
	pr_info("%u\n", sample.first);
}

module_init(kmh_probe_init);
module_exit(kmh_probe_exit);
MODULE_LICENSE("GPL");
