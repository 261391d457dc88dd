// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes on every instruction of the kernel's text that drops translations.  The host has
 * decoded the text and names them; their bytes are compared with the text that runs.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <asm/highmem.h>

#include "kmh.h"

#define PAUSE_SECONDS	10	/* the optimizer begins after 5 jiffies */

struct flush_probe {
	struct kprobe probe;
	struct kmh_flush_site site;
	s32 error;
};

static DEFINE_MUTEX(flush_mutex);	/* owns all below but what handlers read */
static struct flush_probe flush_probes[KMH_MAX_FLUSH_SITES];
static unsigned int n_flush_probes;

static int on_flush(struct kprobe *probe, struct pt_regs *regs)
{
	const struct flush_probe *one = container_of(probe, struct flush_probe, probe);
	unsigned long address = 0;

	switch (kmh_arch_covered(&one->site, regs, &address)) {
	case KMH_COVERED_PAGE:
		kmh_stale_page(address, true);
		break;
	case KMH_COVERED_PAGE_BUT_GLOBAL:
		kmh_stale_page(address, false);
		break;
	case KMH_COVERED_ALL:
		kmh_stale_all(true);
		break;
	case KMH_COVERED_ALL_BUT_GLOBAL:
		kmh_stale_all(false);
		break;
	case KMH_COVERED_NOTHING:
		break;
	}
	return 0;
}

NOKPROBE_SYMBOL(on_flush);

/* Return: 0, -EILSEQ where another instruction stands, or what the kernel says. */
static int arm_flush_probe(struct flush_probe *one)
{
	void *address = (u8 *)kunmap_high + one->site.offset;
	u8 code[KMH_FLUSH_CODE];

	if (!one->site.length || one->site.length > KMH_FLUSH_CODE)
		return -EINVAL;
	if (copy_from_kernel_nofault(code, address, one->site.length) ||
	    memcmp(code, one->site.code, one->site.length))
		return -EILSEQ;
	one->probe = (struct kprobe) {
		.addr = address,
		.pre_handler = on_flush,
	};
	return register_kprobe(&one->probe);
}

/* The probes that are armed.  Return: how many there are. */
static int armed_flush_probes(struct kprobe **armed)
{
	unsigned int i, n = 0;

	for (i = 0; i < n_flush_probes; i++) {
		if (!flush_probes[i].error)
			armed[n++] = &flush_probes[i].probe;
	}
	return n;
}

static void disarm_flush_probes(void)
{
	static struct kprobe *armed[KMH_MAX_FLUSH_SITES];
	int n = armed_flush_probes(armed);

	if (n)
		unregister_kprobes(armed, n);
	n_flush_probes = 0;
}

static bool already_armed(const struct kmh_flush_site *sites, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (memcmp(&flush_probes[i].site, &sites[i], sizeof(sites[i])))
			return false;
	}
	return n == n_flush_probes;
}

static void arm_flush_probes(const struct kmh_flush_site *sites, unsigned int n)
{
	unsigned int i;

	disarm_flush_probes();
	for (i = 0; i < n; i++) {
		flush_probes[i].site = sites[i];
		flush_probes[i].error = arm_flush_probe(&flush_probes[i]);
	}
	n_flush_probes = n;
	kmh_stale_start_over();
}

/**
 * kmh_flush_sites() - watch these instructions and no others
 * @sites: what the host has found in the kernel's text
 * @n: how many
 * @errors: for each 0, or the negative errno for which it cannot be watched
 *
 * Nothing changes where they are watched already.
 *
 * Return: 0, or -E2BIG if they are too many.
 */
int kmh_flush_sites(const struct kmh_flush_site *sites, unsigned int n, s32 *errors)
{
	unsigned int i;

	if (n > KMH_MAX_FLUSH_SITES)
		return -E2BIG;
	mutex_lock(&flush_mutex);
	if (!already_armed(sites, n))
		arm_flush_probes(sites, n);
	for (i = 0; i < n; i++)
		errors[i] = flush_probes[i].error;
	mutex_unlock(&flush_mutex);
	return 0;
}

/* Whether the kernel's own instruction stands there again. */
static bool text_is_whole(const struct flush_probe *one)
{
	u8 code[KMH_FLUSH_CODE];

	return !copy_from_kernel_nofault(code, one->probe.addr, one->site.length) &&
	       !memcmp(code, one->site.code, one->site.length);
}

/*
 * disable_kprobe() leaves a probe that has become a jump to the optimizer, which changes the
 * text later (kernel/kprobes.c, 5.10 to 7.3: __disarm_kprobe(), kprobe_optimizer()).
 */
static void wait_for_whole_text(void)
{
	unsigned long deadline = jiffies + PAUSE_SECONDS * HZ;
	unsigned int i;

	for (i = 0; i < n_flush_probes; i++) {
		while (!flush_probes[i].error && !text_is_whole(&flush_probes[i])) {
			if (time_after(jiffies, deadline)) {
				pr_warn("a probe at %pS does not go away\n",
					flush_probes[i].probe.addr);
				return;
			}
			schedule_timeout_uninterruptible(1);
		}
	}
}

/**
 * kmh_flush_sites_pause() - take the probes away while a CPU starts
 *
 * It flushes before it can take a probe's exception.
 */
void kmh_flush_sites_pause(void)
{
	static struct kprobe *armed[KMH_MAX_FLUSH_SITES];
	int i, n;

	mutex_lock(&flush_mutex);
	n = armed_flush_probes(armed);
	for (i = 0; i < n; i++)
		disable_kprobe(armed[i]);
	wait_for_whole_text();
}

/**
 * kmh_flush_sites_resume() - the CPU has started: watch again
 *
 * What was flushed meanwhile is not known; so everything is.
 */
void kmh_flush_sites_resume(void)
{
	static struct kprobe *armed[KMH_MAX_FLUSH_SITES];
	int i, n;

	n = armed_flush_probes(armed);
	for (i = 0; i < n; i++)
		enable_kprobe(armed[i]);
	if (n)
		kmh_stale_start_over();
	mutex_unlock(&flush_mutex);
}

void kmh_flush_sites_exit(void)
{
	mutex_lock(&flush_mutex);
	disarm_flush_probes();
	mutex_unlock(&flush_mutex);
}
