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

static void be_there(void *unused)
{
	(void)unused;
	await_end(to_child[0]);
}

static long copy(pid_t child, long call, char *here, char *there)
{
	struct iovec one = { here, 4 * PAGE }, other = { there, 4 * PAGE };

	return syscall(call, child, &one, 1, &other, 1, 0);
}

/* The other process has the same pages, and lacks the same. */
static void read_in_part(pid_t child)
{
	struct iovec there[] = { { workload_area + 64, 1000 }, { source_end, 128 },
				 { workload_area, 128 } };
	struct iovec here = { intact, PAGE };

	result(copy(child, SYS_process_vm_readv, intact, source_end - PAGE - 2048));
	arrived(intact, PAGE + 2048);
	result(copy(child, SYS_process_vm_readv, intact, source_end));
	result(syscall(SYS_process_vm_readv, child, &here, 1, there, 3, 0));
	arrived(intact, 1000);
	judged(3);
	result(copy(child, SYS_process_vm_readv, target_end - 1024, workload_area));
	arrived(target_end - 1024, 1024);
	result(copy(child, SYS_process_vm_readv, target_end, workload_area));
	judged(4);
}

static void write_in_part(pid_t child)
{
	struct iovec here = { workload_area, PAGE };

	result(copy(child, SYS_process_vm_writev, workload_area, target_end - PAGE - 1024));
	arrived(target_end - PAGE - 1024, PAGE + 1024);
	result(copy(child, SYS_process_vm_writev, workload_area, target_end));
	result(copy(child, SYS_process_vm_writev, source_end - 1024, workload_copy));
	arrived(workload_copy, 1024);
	result(copy(child, SYS_process_vm_writev, source_end, workload_copy));
	result(syscall(SYS_process_vm_writev, child, &here, 1, source_end, 1, 0));
	result(syscall(SYS_process_vm_writev, child, &here, 1, &here, 1, 1));
	judged(5);
}

static void fail_remote(void *unused)
{
	pid_t child;

	(void)unused;
	make_holes();
	child = start(be_there, NULL);
	read_in_part(child);
	write_in_part(child);
	signal_end(to_child[1]);
	await(child);
	memory_released(6);
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
	await(start(fail_remote, NULL));
}
