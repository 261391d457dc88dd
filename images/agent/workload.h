/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workloads: small programs that use memory as programs do.  Every byte that they write follows
 * from the seed, so that the host knows what each stage must read.
 */
#ifndef KMH_WORKLOAD_H
#define KMH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "agent.h"

#define PAGE		4096u
#define PAGES		24u		/* of an area */
#define AREA		(PAGES * PAGE)
#define TABLE		(4u << 20)	/* what one page table maps, or two with PAE */

/* ---- workload.c: the beginning ---- */

int workload_main(int argc, char **argv);

/* ---- workload_process.c: contents, checkpoints, processes ---- */

bool workload_begin(uint32_t seed);
uint32_t mix(uint32_t a, uint32_t b);		/* of the seed and two numbers */
void fill(void *page, uint32_t number, uint32_t version);
void fill_area(void *area, uint32_t version);
void fill_half(void *area, uint32_t version);	/* the pages that version chooses */
uint32_t crc_area(const void *area);
void *map_area(size_t size, int flags);
void stage(uint32_t number, uint32_t crc);
long need(long result);				/* end the process where a call has failed */
void lacking(void) __attribute__((noreturn));	/* the kernel has no such call */
pid_t start(void (*child)(void *area), void *area);
void await(pid_t child);
int open_file(void);				/* a new file that has no name */
void make_pipe(int ends[2]);
void signal_end(int end);
void await_end(int end);

/* ---- workload_copies.c: two areas, and copies of all of one ---- */

#define ODD	100u	/* an offset in a file: its pages are no pages of ours */

extern char *workload_area, *workload_copy;

void make_areas(void);
void read_all(int fd, char *to, size_t size);
void write_all(int fd, const char *from, size_t size);
void copied(uint32_t number);	/* a stage that has read all of the copy, which is emptied */

/* ---- workload_failing.c: calls that fail, and areas with a page that is not mapped ---- */

#define INTACT	(15u * PAGE)	/* of the copy, behind its hole */

extern char *source_end, *target_end, *intact;	/* where the holes of area and copy begin */

void result(long result);			/* tell what a call has returned, or errno */
void result_either(long result, int32_t one, int32_t other);
void arrived(const void *data, size_t size);	/* tell what a call has copied */
void judged(uint32_t number);			/* a stage of all that was told since the last */
int open_counted(void);
void result_released(int file);	/* tell whether the kernel holds none of its pages */
void make_holes(void);
char *cut_copy(void);
struct iovec *cut_vector(void);
void memory_released(uint32_t number);
void make_checked_pipe(int ends[2]);
void fill_pipe(int end, size_t size);
void drain(int end);
void size_in_files(rlim_t size);

void fail_exec(void *unused);
void fail_pipes(void *unused);
void fail_files(void *unused);
void fail_splices(void *unused);
void fail_memory(void *unused);

/* ---- one program a kind ---- */

void workload_cow(void);
void workload_tables(void);
void workload_threads(void);
void workload_errors(void);
void workload_files(void);
void workload_futex(void);
void workload_remote(void);
void workload_sockets(void);
void workload_exec(int argc, char **argv);

#endif
