// SPDX-License-Identifier: GPL-2.0-only
/* Makes the trouble that it is named after, for tests of the harness; never part of a run. */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>

static char *mode = "";
module_param(mode, charp, 0);

static void loop(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	schedule();
	preempt_enable();
}

static void store_to_nowhere(void)
{
	*(volatile int *)0x1234 = 1;
}

static int __init troublemaker_init(void)
{
	if (!strcmp(mode, "loop"))
		loop();
	else if (!strcmp(mode, "panic"))
		panic("made on purpose");
	else if (!strcmp(mode, "fault"))
		store_to_nowhere();
	else if (!strcmp(mode, "bug"))
		BUG();
	else if (!strcmp(mode, "warn"))
		WARN(1, "made on purpose\n");
	else if (!strcmp(mode, "atomic"))
		sleep_in_atomic();
	return -ECANCELED;
}

module_init(troublemaker_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("trouble on request");
