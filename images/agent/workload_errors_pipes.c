// SPDX-License-Identifier: GPL-2.0-only
/* Pipes whose data comes from, or goes to, memory that ends in the middle of a copy. */
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

/* A page that is copied in part does not arrive; one that was there keeps what it had. */
static void writes(int ends[2])
{
	result(write(ends[1], source_end - 2 * PAGE - 1024, 4 * PAGE));
	drain(ends[0]);
	result(write(ends[1], source_end, 4 * PAGE));
	drain(ends[0]);
	judged(10);
	result(write(ends[1], workload_area, 128));
	result(write(ends[1], source_end, 64));
	result(write(ends[1], source_end - 64, 128));
	drain(ends[0]);
	judged(11);
}

static void reads(int ends[2])
{
	fill_pipe(ends[1], 3 * PAGE);
	result(read(ends[0], target_end - PAGE - 2048, 3 * PAGE));
	arrived(target_end - PAGE - 2048, PAGE);
	result(read(ends[0], target_end, PAGE));
	result(read(ends[0], target_end - 1024, PAGE));
	drain(ends[0]);
	judged(12);
}

static void vectors(int ends[2])
{
	struct iovec out[] = { { workload_area, PAGE + 2048 }, { source_end, 128 },
			       { workload_area, 128 } };
	struct iovec in[] = { { workload_copy, 128 }, { target_end, 128 }, { intact, 128 } };

	result(writev(ends[1], out, 3));
	drain(ends[0]);
	result(writev(ends[1], out + 1, 2));
	out[0].iov_len = 128;
	result(writev(ends[1], out, 3));
	drain(ends[0]);
	result(writev(ends[1], cut_vector(), 2));
	judged(13);
	fill_pipe(ends[1], PAGE + 128);
	result(readv(ends[0], in, 3));
	in[0].iov_len = PAGE;
	result(readv(ends[0], in, 3));
	arrived(workload_copy, PAGE);
	result(readv(ends[0], in + 1, 2));
	drain(ends[0]);
	judged(14);
}

void fail_pipes(void *unused)
{
	int ends[2];

	(void)unused;
	make_holes();
	make_checked_pipe(ends);
	writes(ends);
	reads(ends);
	vectors(ends);
	memory_released(15);
}
