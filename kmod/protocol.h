/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What travels between the harness and a guest: the one definition of the wire.
 *
 * The module, the agent in the guest's userspace and harness/guest share it; a test compares
 * the Python side with the DWARF of these headers.  All fields are little endian and naturally
 * aligned, and no structure has padding.  docs/wire.md explains the protocol.
 */
#ifndef KMAP_HARNESS_PROTOCOL_H
#define KMAP_HARNESS_PROTOCOL_H

#define KMH_PROTOCOL_VERSION	8u
#define KMH_MAGIC		0x31484d4bu	/* "KMH1" */
#define KMH_DEVICE		"kmap_harness"	/* /dev/kmap_harness */

#include "protocol_link.h"
#include "protocol_kernel.h"
#include "protocol_op.h"
#include "protocol_helper.h"
#include "protocol_workload.h"
#include "protocol_obs.h"
#include "protocol_flush.h"
#include "protocol_history.h"
#include "protocol_schedule.h"
#include "protocol_boot.h"

#endif
