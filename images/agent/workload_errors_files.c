// SPDX-License-Identifier: GPL-2.0-only
/* Files of tmpfs whose data comes from, or goes to, memory that ends in the middle of a copy. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

static int file;

/* Tell the beginning of the file. */
static void read_back(size_t size)
{
	result(pread(file, intact, size, 0));
	arrived(intact, size);
}

/* To 5.15 a page whose bytes cannot all be read is not begun. */
static void writes(void)
{
	result_either(pwrite(file, source_end - 2 * PAGE - 1024, 4 * PAGE, 0), 2 * PAGE,
		      2 * PAGE + 1024);
	read_back(2 * PAGE);
	result_either(pwrite(file, source_end - 1024, 2048, 5 * PAGE + 512), -EFAULT, 1024);
	result(pwrite(file, source_end, PAGE, PAGE));
	read_back(2 * PAGE);
	judged(20);
}

static void reads(void)
{
	result(pread(file, target_end - 2048, 2 * PAGE, 0));
	arrived(target_end - 2048, 2048);
	result(pread(file, target_end - PAGE - 1024, 2 * PAGE, 1024));
	arrived(target_end - PAGE - 1024, PAGE + 1024);
	result(pread(file, target_end, PAGE, 0));
	judged(21);
}

static void vectors(void)
{
	struct iovec out[] = { { workload_area + PAGE, PAGE }, { source_end, 128 },
			       { workload_area, 128 } };
	struct iovec in[] = { { workload_copy, 128 }, { target_end, 128 }, { intact, 128 } };

	result(pwritev(file, out, 3, 0));
	out[0].iov_len = 512;
	result_either(pwritev(file, out, 3, 4 * PAGE), -EFAULT, 512);
	result(pwritev(file, out + 1, 2, 0));
	read_back(2 * PAGE);
	judged(22);
	result(preadv(file, in, 3, 64));
	arrived(workload_copy, 128);
	result(preadv(file, in + 1, 2, 0));
	result(preadv(file, cut_vector(), 2, 0));
	judged(23);
}

/* A file may not become longer than this. */
static void limited(void)
{
	size_in_files(2 * PAGE + 512);
	result(pwrite(file, workload_area + 2 * PAGE, 3 * PAGE, 0));
	result(pwrite(file, workload_area, PAGE, 3 * PAGE));
	result(ftruncate(file, AREA));
	size_in_files(RLIM_INFINITY);
	read_back(2 * PAGE + 512);
	judged(24);
}

/* A page that is mapped and lies behind the end of its file cannot be had. */
static void behind_the_end(void)
{
	char *behind = cut_copy();

	result(pwrite(file, behind, PAGE, 0));
	fill(behind - PAGE, 1, 1);
	result(pwrite(file, behind - PAGE, 2 * PAGE, 0));
	read_back(2 * PAGE);
	result(pread(file, behind, PAGE, 0));
	result(pread(file, behind - 2048, PAGE, PAGE));
	arrived(behind - 2048, 2048);
	judged(25);
}

void fail_files(void *unused)
{
	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	make_holes();
	file = open_counted();
	writes();
	reads();
	vectors();
	limited();
	behind_the_end();
	result_released(file);
	memory_released(26);
}
