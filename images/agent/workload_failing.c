// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that fail in the middle of their work: what they return, and what of the data arrived.
 * Their memory is a file's, so that the kernel can say in the end whether it still holds a page.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

#define HOLE	8u	/* the page of each area that is not mapped */

char *source_end, *target_end, *intact;
static int memory = -1;		/* the file whose pages both areas are */
static uint32_t told;		/* the CRC of all that the calls of this stage have said */

static void tell(int32_t said)
{
	told = crc32_of(told, &said, sizeof(said));
}

static int32_t said_of(long result)
{
	return result < 0 ? -errno : result;
}

void result(long result)
{
	tell(said_of(result));
}

/* Kernels differ: of two right results the first is told for both. */
void result_either(long result, int32_t one, int32_t other)
{
	int32_t said = said_of(result);

	tell(said == other ? one : said);
}

void arrived(const void *data, size_t size)
{
	told = crc32_of(told, data, size);
}

void judged(uint32_t number)
{
	tell(mix(number, 3000));
	stage(number, told);
	told = 0;
}

/* Files whose users can be counted; without memfd_create() other files do, and nothing is seen. */
int open_counted(void)
{
	int fd = memfd_create("workload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 && errno == ENOSYS ? open_file() : need(fd);
}

/*
 * F_SEAL_WRITE fails where any page of the file has a user but the file itself: a page that a
 * failed call has forgotten to give back.
 */
void result_released(int file)
{
	int seals = fcntl(file, F_GET_SEALS);

	result(seals < 0 && errno == EINVAL ? 0 : fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
}

/* Nothing may be mapped from now on, since it might fill the holes. */
void make_holes(void)
{
	char *areas;

	memory = open_counted();
	need(ftruncate(memory, 2 * AREA));
	areas = mmap(NULL, 2 * AREA, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	need(areas == MAP_FAILED ? -1 : 0);
	workload_area = areas;
	workload_copy = areas + AREA;
	fill_area(workload_area, 0);
	source_end = workload_area + HOLE * PAGE;
	target_end = workload_copy + HOLE * PAGE;
	intact = target_end + PAGE;
	need(munmap(source_end, PAGE));
	need(munmap(target_end, PAGE));
}

/* The last pages of the copy lie behind the end of their file. */
char *cut_copy(void)
{
	need(ftruncate(memory, 2 * AREA - 4 * PAGE));
	return workload_copy + AREA - 4 * PAGE;
}

void memory_released(uint32_t number)
{
	need(munmap(workload_area, 2 * AREA));
	result_released(memory);
	judged(number);
}

/* Tell all that a pipe holds, and that it is empty then. */
void drain(int end)
{
	long size = read(end, intact, INTACT);

	result(size);
	if (size > 0)
		arrived(intact, size);
	result(read(end, intact, INTACT));
}

void make_checked_pipe(int ends[2])
{
	need(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
}

void fill_pipe(int end, size_t size)
{
	write_all(end, workload_area, size);
}

/* A vector whose first element can be read. */
struct iovec *cut_vector(void)
{
	struct iovec *vector = (struct iovec *)target_end - 1;

	*vector = (struct iovec){ intact, 64 };
	return vector;
}

void size_in_files(rlim_t size)
{
	struct rlimit limit;

	need(getrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = size;
	need(setrlimit(RLIMIT_FSIZE, &limit));
}
