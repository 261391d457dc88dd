// SPDX-License-Identifier: GPL-2.0-only
/* What all workloads share: contents that follow from the seed, checkpoints, processes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define FILE_NAME "/workload.file"

static uint32_t workload_seed;
static uint32_t reached;	/* the last stage; a failure is reported as of the next */
static int device = -1;

uint32_t mix(uint32_t a, uint32_t b)
{
	uint32_t h = workload_seed * 0x9e3779b1u ^ a * 0x85ebca77u ^ b * 0xc2b2ae3du;

	h ^= h >> 15;
	h *= 0x2c1b3c6du;
	return h ^ h >> 13;
}

void fill(void *page, uint32_t number, uint32_t version)
{
	uint32_t tag = mix(number, version), *word = page;

	for (uint32_t i = 0; i < PAGE / 4; i++)
		word[i] = tag ^ i * 0x9e3779b1u;
}

void fill_area(void *area, uint32_t version)
{
	for (uint32_t i = 0; i < PAGES; i++)
		fill((char *)area + i * PAGE, i, version);
}

void fill_half(void *area, uint32_t version)
{
	for (uint32_t i = 0; i < PAGES; i++)
		if (mix(i, version + 1000) & 1)
			fill((char *)area + i * PAGE, i, version);
}

uint32_t crc_area(const void *area)
{
	return crc32_of(0, area, AREA);
}

/* Without huge pages, which have no page table. */
void *map_area(size_t size, int flags)
{
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	need(area == MAP_FAILED ? -1 : 0);
	madvise(area, size, MADV_NOHUGEPAGE);
	return area;
}

static void checkpoint(uint32_t number, uint32_t crc, int error)
{
	struct kmh_checkpoint said = { number, crc, error };

	if (write(device, &said, sizeof(said)) != sizeof(said))
		_exit(2);
}

void stage(uint32_t number, uint32_t crc)
{
	reached = number + 1;
	checkpoint(number, crc, 0);
}

long need(long result)
{
	if (result >= 0)
		return result;
	checkpoint(reached, 0, errno);
	_exit(1);
}

void lacking(void)
{
	_exit(KMH_WORKLOAD_LACKING);
}

pid_t start(void (*child)(void *area), void *area)
{
	pid_t pid = need(fork());

	if (pid)
		return pid;
	child(area);
	_exit(0);
}

void await(pid_t child)
{
	int status = 0;

	need(waitpid(child, &status, 0));
	if (status)
		_exit(3);
}

int open_file(void)
{
	int fd = need(open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));

	need(unlink(FILE_NAME));
	return fd;
}

void make_pipe(int ends[2])
{
	need(pipe2(ends, O_CLOEXEC));
}

void signal_end(int end)
{
	need(write(end, "", 1));
}

void await_end(int end)
{
	char byte;

	need(read(end, &byte, 1));
}

/* Return: whether the device is there. */
bool workload_begin(uint32_t seed)
{
	workload_seed = seed;
	device = open("/dev/" KMH_WORKLOAD_DEVICE, O_WRONLY | O_CLOEXEC);
	return device >= 0;
}
