// SPDX-License-Identifier: GPL-2.0-only
/* The lock that is held while the module works for a process: see kmh.h. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/lockdep.h>
#include <linux/mutex.h>

#include "kmh.h"

/* What it owns is listed in kmh.h. */
DEFINE_MUTEX(kmh_request_lock);

/**
 * kmh_assert_request() - state that the caller relies on the lock of the request
 *
 * A kernel with CONFIG_LOCKDEP warns where it is not held; in others this does nothing.
 */
void kmh_assert_request(void)
{
	lockdep_assert_held(&kmh_request_lock);
}
