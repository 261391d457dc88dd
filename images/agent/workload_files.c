// SPDX-License-Identifier: GPL-2.0-only
/* A workload of files and pipes: pages are copied, spliced, mapped and cut off. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

#define PIECE	(8 * PAGE)	/* fits into a pipe at any offset */

static void spliced(int from, int to, int ends[2])
{
	loff_t at = ODD;

	for (size_t done = 0; done < AREA;) {
		long n = need(splice(from, &at, ends[1], NULL, PIECE, 0));

		if (!n)
			break;
		done += n;
		while (n > 0)
			n -= need(splice(ends[0], NULL, to, NULL, n, 0));
	}
}

static void given_to_pipes(void)
{
	struct iovec piece = { .iov_len = PIECE };
	int first[2], second[2];

	make_pipe(first);
	make_pipe(second);
	for (size_t at = 0; at < AREA; at += PIECE) {
		piece.iov_base = workload_area + at;
		need(vmsplice(first[1], &piece, 1, 0));
		need(tee(first[0], second[1], PIECE, 0));
		read_all(first[0], workload_copy + at, PIECE);
		if (memcmp(workload_copy + at, workload_area + at, PIECE))
			stage(200, at);
		memset(workload_copy + at, 0, PIECE);
		read_all(second[0], workload_copy + at, PIECE);
	}
	copied(3);
}

static void sent_to_pipe(int file, int ends[2])
{
	off_t from = ODD;

	for (size_t at = 0; at < AREA; at += PIECE) {
		need(sendfile(ends[1], file, &from, PIECE));
		read_all(ends[0], workload_copy + at, PIECE);
	}
	copied(4);
}

static void in_vectors(int file)
{
	struct iovec out[] = { { workload_area, ODD }, { workload_area + ODD, 5000 },
			       { workload_area + ODD + 5000, AREA - ODD - 5000 } };
	struct iovec in[] = { { workload_copy, PAGE + 1 }, { workload_copy + PAGE + 1, 3 * PAGE },
			      { workload_copy + 4 * PAGE + 1, AREA - 4 * PAGE - 1 } };

	need(pwritev(file, out, 3, 0));
	need(preadv(file, in, 3, 0));
	copied(5);
}

static void through_mapping(int file)
{
	char *mapped = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	need(mapped == MAP_FAILED ? -1 : 0);
	fill_half(mapped, 6);
	need(pread(file, workload_copy, AREA, 0));
	copied(6);
	need(ftruncate(file, 5 * PAGE + 777));
	need(ftruncate(file, AREA));
	need(pread(file, workload_copy, AREA, 0));
	stage(7, crc_area(mapped));
	copied(8);
}

void workload_files(void)
{
	int file = open_file(), other = open_file(), ends[2];

	make_areas();
	make_pipe(ends);
	need(pwrite(file, workload_area, AREA, ODD));
	need(pread(file, workload_copy, AREA, ODD));
	copied(0);
	for (size_t at = 0; at < AREA; at += PIECE) {
		write_all(ends[1], workload_area + at, PIECE);
		read_all(ends[0], workload_copy + at, PIECE);
	}
	copied(1);
	spliced(file, other, ends);
	need(pread(other, workload_copy, AREA, 0));
	copied(2);
	given_to_pipes();
	sent_to_pipe(file, ends);
	in_vectors(other);
	through_mapping(other);
}
