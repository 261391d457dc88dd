// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are given to pipes and taken from them, until one cannot be had. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

static long give(int end, char *from, size_t size)
{
	struct iovec piece = { from, size };

	return vmsplice(end, &piece, 1, 0);
}

static void given(int ends[2])
{
	struct iovec pieces[] = { { workload_area, PAGE }, { source_end, PAGE },
				  { workload_area, PAGE } };

	result(give(ends[1], source_end - PAGE - 1024, 3 * PAGE));
	drain(ends[0]);
	result(give(ends[1], source_end, PAGE));
	result(vmsplice(ends[1], pieces, 3, 0));
	result(vmsplice(ends[1], pieces + 1, 2, 0));
	drain(ends[0]);
	judged(30);
}

static void taken(int ends[2])
{
	fill_pipe(ends[1], 3 * PAGE);
	result(give(ends[0], target_end - PAGE - 2048, 2 * PAGE));
	arrived(target_end - PAGE - 2048, PAGE);
	result(give(ends[0], target_end, PAGE));
	drain(ends[0]);
	judged(31);
}

static void refused(int ends[2], int other[2], int file)
{
	loff_t *bad = (loff_t *)source_end, at = AREA;

	fill_pipe(ends[1], PAGE);
	result(splice(file, bad, ends[1], NULL, PAGE, 0));
	result(splice(ends[0], NULL, file, bad, PAGE, 0));
	result(splice(file, &at, ends[1], NULL, PAGE, 0));
	result(splice(ends[0], &at, file, NULL, PAGE, 0));
	result(splice(file, NULL, file, NULL, PAGE, 0));
	result(splice(ends[0], NULL, ends[1], NULL, PAGE, 0));
	result(tee(ends[0], ends[1], PAGE, 0));
	result(tee(other[0], ends[1], PAGE, SPLICE_F_NONBLOCK));
	result(sendfile(ends[1], file, (off_t *)bad, PAGE));
	result(copy_file_range(file, bad, file, &at, PAGE, 0));
	drain(ends[0]);
	judged(32);
}

static void limited(int ends[2], int file)
{
	loff_t at = 0;

	fill_pipe(ends[1], 3 * PAGE);
	size_in_files(PAGE + 512);
	result(splice(ends[0], NULL, file, &at, 3 * PAGE, 0));
	result(splice(ends[0], NULL, file, &at, 3 * PAGE, 0));
	size_in_files(RLIM_INFINITY);
	drain(ends[0]);
	result(pread(file, intact, PAGE + 512, 0));
	arrived(intact, PAGE + 512);
	judged(33);
}

/* Nobody can read what goes to "ends". */
static void closed(int ends[2], int other[2], int file)
{
	off_t at = 0;
	loff_t from = 0;

	need(close(ends[0]));
	fill_pipe(other[1], PAGE);
	result(write(ends[1], workload_area, PAGE));
	result(give(ends[1], workload_area, PAGE));
	result(splice(file, &from, ends[1], NULL, PAGE, 0));
	result(splice(other[0], NULL, ends[1], NULL, PAGE, 0));
	result(tee(other[0], ends[1], PAGE, 0));
	result(sendfile(ends[1], file, &at, PAGE));
	drain(other[0]);
	judged(34);
}

void fail_splices(void *unused)
{
	int ends[2], other[2], file;

	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	make_holes();
	file = open_counted();
	make_checked_pipe(ends);
	make_checked_pipe(other);
	given(ends);
	taken(ends);
	refused(ends, other, file);
	limited(ends, file);
	closed(ends, other, file);
	result_released(file);
	memory_released(35);
}
