// SPDX-License-Identifier: GPL-2.0-only
/* A workload of sockets: one process sends pages, its own and a file's, to another. */
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

static int ends_of_socket[2];

static void answer_half(void *unused)
{
	(void)unused;
	read_all(ends_of_socket[1], workload_copy, AREA);
	stage(0, crc_area(workload_copy));
	fill_half(workload_copy, 1);
	write_all(ends_of_socket[1], workload_copy, AREA);
	read_all(ends_of_socket[1], workload_copy, AREA);
	copied(2);
}

/* What is sent in part does not arrive at all. */
static void send_in_part(int ends[2])
{
	struct iovec pieces[] = { { workload_area, PAGE }, { source_end, PAGE },
				  { workload_area, PAGE } };

	result(write(ends[0], source_end - PAGE - 1024, 3 * PAGE));
	result(write(ends[0], source_end, PAGE));
	result(writev(ends[0], pieces, 3));
	drain(ends[1]);
	fill_pipe(ends[0], PAGE);
	drain(ends[1]);
}

static void fail_streams(void)
{
	int ends[2], type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

	need(socketpair(AF_UNIX, type, 0, ends));
	send_in_part(ends);
	judged(3);
	fill_pipe(ends[0], 2 * PAGE);
	result(read(ends[1], target_end - PAGE - 2048, 2 * PAGE));
	result(read(ends[1], target_end, PAGE));
	drain(ends[1]);
	need(close(ends[1]));
	result(write(ends[0], workload_area, PAGE));
	judged(4);
}

/* A datagram that cannot be copied is lost, unless it was only looked at. */
static void fail_datagrams(void)
{
	int ends[2], type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

	need(socketpair(AF_UNIX, type, 0, ends));
	send_in_part(ends);
	judged(5);
	fill_pipe(ends[0], 2 * PAGE);
	result(recv(ends[1], target_end - PAGE - 2048, 2 * PAGE, MSG_PEEK));
	drain(ends[1]);
	fill_pipe(ends[0], 2 * PAGE);
	result(read(ends[1], target_end - PAGE - 2048, 2 * PAGE));
	drain(ends[1]);
	judged(6);
}

static void fail_sockets(void *unused)
{
	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	make_holes();
	fail_streams();
	fail_datagrams();
	memory_released(7);
}

void workload_sockets(void)
{
	int file = open_file();
	off_t from = ODD;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_of_socket))
		lacking();
	make_areas();
	child = start(answer_half, NULL);
	write_all(ends_of_socket[0], workload_area, AREA);
	read_all(ends_of_socket[0], workload_copy, AREA);
	copied(1);
	need(pwrite(file, workload_area, AREA, ODD));
	while (from < (off_t)(AREA + ODD))
		need(sendfile(ends_of_socket[0], file, &from, AREA + ODD - from));
	await(child);
	await(start(fail_sockets, NULL));
}
