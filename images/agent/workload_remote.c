// SPDX-License-Identifier: GPL-2.0-only
/* A workload of remote memory: a process reads and writes the pages of its child. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

static int to_child[2], to_parent[2];

static void be_read(void *unused)
{
	(void)unused;
	fill_area(workload_area, 1);
	signal_end(to_parent[1]);
	await_end(to_child[0]);
	stage(1, crc_area(workload_area));
}

/* The pieces begin and end in the middle of pages. */
static void transfer(pid_t child, bool store)
{
	long call = store ? SYS_process_vm_writev : SYS_process_vm_readv;
	struct iovec here[] = { { workload_copy, 5000 }, { workload_copy + 5000, AREA - 5000 } };
	struct iovec there[] = { { workload_area, AREA - 777 },
				 { workload_area + AREA - 777, 777 } };

	need(syscall(call, child, here, 2, there, 2, 0));
}

void workload_remote(void)
{
	pid_t child;

	if (syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0) < 0 && errno == ENOSYS)
		lacking();
	make_areas();
	make_pipe(to_child);
	make_pipe(to_parent);
	child = start(be_read, NULL);
	await_end(to_parent[0]);
	transfer(child, false);
	stage(0, crc_area(workload_copy));
	fill_half(workload_copy, 2);
	transfer(child, true);
	signal_end(to_child[1]);
	await(child);
	stage(2, crc_area(workload_area));
}
