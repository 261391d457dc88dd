/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: workloads, which user processes of the guest execute, and what they report. */
#ifndef KMAP_HARNESS_PROTOCOL_WORKLOAD_H
#define KMAP_HARNESS_PROTOCOL_WORKLOAD_H

#include <linux/types.h>

#define KMH_WORKLOAD_DEVICE	"kmap_workload"	/* /dev/kmap_workload */
#define KMH_WORKLOAD_PROGRAM	"/init"		/* the agent, with KMH_WORKLOAD_NAME as its name */
#define KMH_WORKLOAD_NAME	"workload"

/*
 * WORKLOAD: "reg" is the kind, "value" the seed of everything that its processes write.
 * WORKLOADS of the Python model has the same numbers, and says what each kind does.
 */
enum kmh_workload {
	KMH_WORKLOAD_COW = 0,
	KMH_WORKLOAD_TABLES = 1,
	KMH_WORKLOAD_FILES = 2,
	KMH_WORKLOAD_FUTEX = 3,
	KMH_WORKLOAD_EXEC = 4,
	KMH_WORKLOAD_REMOTE = 5,
	KMH_WORKLOAD_SOCKETS = 6,
	KMH_WORKLOAD_THREADS = 7,
	KMH_WORKLOAD_ERRORS = 8,
};

#define KMH_WORKLOADS		9

#define KMH_WORKLOAD_LACKING	77	/* exit code: the kernel has no such system call */
#define KMH_CHECKPOINTS		48	/* of one workload, that of its end included */
#define KMH_CHECKPOINT_END	0xffu	/* the stage that the module adds: no process is left */

/* A process of a workload writes this to the device: it has reached a stage. */
struct kmh_checkpoint {
	__u32 stage;
	__u32 crc;		/* zlib's CRC-32 of all bytes that the stage has read */
	__u32 error;		/* errno of what failed, or 0 */
};

#endif
