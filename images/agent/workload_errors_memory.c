// SPDX-License-Identifier: GPL-2.0-only
/* Memory that the kernel is asked to look at, change or move, and that is there only in part. */
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

static void futex(void *word, int operation, uint32_t value, void *other, uint32_t third)
{
	result(syscall(SYS_futex, word, operation, value, (void *)1, other, third));
}

static void futexes(void)
{
	uint32_t *word = (uint32_t *)workload_area, *other = (uint32_t *)intact;
	uint32_t add = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0);

	futex(source_end, FUTEX_WAKE, 1, NULL, 0);
	futex((char *)word + 2, FUTEX_WAKE, 1, NULL, 0);
	result(syscall(SYS_futex, source_end, FUTEX_WAIT, 0, NULL, NULL, 0));
	result(syscall(SYS_futex, word, FUTEX_WAIT, *word + 1, NULL, NULL, 0));
	futex(word, FUTEX_WAKE_OP, 1, source_end, add);
	futex(word, FUTEX_WAKE_OP, 1, (char *)other + 1, add);
	futex(word, FUTEX_CMP_REQUEUE, 1, source_end, *word);
	futex(word, FUTEX_CMP_REQUEUE, 1, other, *word + 1);
	judged(40);
}

/* All words of a page, where the last part of one is not mapped. */
static void traced(pid_t child)
{
	char *at[] = { workload_area + 64, workload_area + PAGE - 2, source_end - 2, source_end };
	uint32_t word;

	for (uint32_t i = 0; i < 4; i++) {
		word = 0;
		result(syscall(SYS_ptrace, PTRACE_PEEKDATA, child, at[i], &word));
		arrived(&word, sizeof(word));
	}
	result(syscall(SYS_ptrace, PTRACE_PEEKDATA, child, at[0], source_end));
	judged(41);
	for (uint32_t i = 0; i < 4; i++)
		result(ptrace(PTRACE_POKEDATA, child, at[i], mix(i, 4000)));
	arrived(workload_area, 2 * PAGE);
	arrived(source_end - PAGE, PAGE);
	judged(42);
}

static void be_traced(void *unused)
{
	(void)unused;
	need(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	need(raise(SIGSTOP));
}

static void words_of_another(void)
{
	pid_t child = start(be_traced, NULL);

	need(waitpid(child, NULL, WUNTRACED));
	traced(child);
	need(ptrace(PTRACE_CONT, child, NULL, NULL));
	await(child);
}

static long long place(const void *at)
{
	return (uintptr_t)at;
}

static void memory_as_file(void)
{
	int fd = need(open("/proc/self/mem", O_RDWR | O_CLOEXEC));

	result(pread64(fd, intact, 4 * PAGE, place(source_end - PAGE - 2048)));
	arrived(intact, PAGE + 2048);
	result(pread64(fd, intact, PAGE, place(source_end)));
	result(pread64(fd, target_end - 64, PAGE, place(workload_area)));
	result(pwrite64(fd, intact, 4 * PAGE, place(target_end - PAGE - 1024)));
	arrived(target_end - PAGE - 1024, PAGE + 1024);
	result(pwrite64(fd, intact, PAGE, place(target_end)));
	result(pwrite64(fd, source_end, PAGE, place(target_end - PAGE)));
	judged(43);
	need(close(fd));
}

static void command_line(void)
{
	int fd = need(open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
	long size = pread(fd, intact, PAGE, 0);

	result(size);
	arrived(intact, size);
	result(pread(fd, target_end - 8, PAGE, 0));
	arrived(target_end - 8, 8);
	result(pread(fd, target_end, PAGE, 0));
	judged(44);
	need(close(fd));
}

static void moved(char *from, size_t size, size_t new_size, int flags)
{
	void *to = mremap(from, size, new_size, flags);

	result(to == MAP_FAILED ? -1 : 0);
}

static void tables(void)
{
	unsigned char *vector = (unsigned char *)intact;

	result(mincore(source_end - 2 * PAGE, 4 * PAGE, vector));
	result(mincore(workload_area, 4 * PAGE, (unsigned char *)source_end));
	result(mincore(workload_area, 4 * PAGE, (unsigned char *)target_end - 2));
	result(mincore(workload_area + 1, PAGE, vector));
	judged(45);
	moved(source_end - PAGE, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	moved(source_end, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	moved(source_end + PAGE, PAGE, 3 * PAGE, 0);
	moved(workload_area + 1, PAGE, PAGE, 0);
	result(madvise(source_end - 2 * PAGE, 4 * PAGE, MADV_DONTNEED));
	result(msync(source_end - 2 * PAGE, 4 * PAGE, MS_ASYNC));
	result(munmap(workload_area + 1, PAGE));
	arrived(source_end - 2 * PAGE, 2 * PAGE);
	arrived(source_end + PAGE, PAGE);
	judged(46);
}

/* mprotect() has protected what lies before the hole. */
static void protected(void)
{
	int ends[2];

	make_checked_pipe(ends);
	fill_pipe(ends[1], PAGE);
	result(mprotect(target_end - PAGE, 3 * PAGE, PROT_READ));
	result(read(ends[0], target_end - PAGE - 2048, PAGE));
	result(read(ends[0], target_end - PAGE, PAGE));
	need(mprotect(target_end - PAGE, PAGE, PROT_READ | PROT_WRITE));
	drain(ends[0]);
	judged(47);
}

void fail_memory(void *unused)
{
	(void)unused;
	make_holes();
	futexes();
	words_of_another();
	memory_as_file();
	command_line();
	tables();
	protected();
	memory_released(48);
}
