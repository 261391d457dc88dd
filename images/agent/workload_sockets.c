// SPDX-License-Identifier: GPL-2.0-only
/* A workload of sockets: one process sends pages, its own and a file's, to another. */
#include <sys/sendfile.h>
#include <sys/socket.h>
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
}
