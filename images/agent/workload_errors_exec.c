// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that cannot be executed.  The kernel copies the strings from the last one to the first
 * and keeps the page of the last copy mapped: a bad string that comes before a good one fails
 * while a page is mapped.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "workload.h"

#define LONGEST	(32u * PAGE)	/* MAX_ARG_STRLEN */
#define NOWHERE	"/no/such/interpreter"
#define PROGRAM	"/workload.program"

static char *none[] = { NULL };
static char *good, *unending, *too_long;

static void make_letters(char *from, size_t size)
{
	memset(from, 'a', size);
	from[size - 1] = 0;
}

/* "unending" has no end before the page that is not mapped. */
static void make_failing_strings(void)
{
	too_long = map_area(LONGEST + PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	make_letters(too_long, LONGEST + 1);
	make_holes();
	unending = source_end - 100;
	memset(unending, 'a', 100);
	good = workload_area;
	make_letters(good, PAGE);
}

static void execute(char *first, char *second, char *third)
{
	char *strings[] = { first, second, third, NULL };

	result(execve(KMH_WORKLOAD_PROGRAM, strings, none));
}

static void execute_with(char **environment)
{
	char *arguments[] = { good, NULL };

	result(execve(KMH_WORKLOAD_PROGRAM, arguments, environment));
}

static void execute_in(char *first, char *second, char *third)
{
	char *strings[] = { first, second, third, NULL };

	execute_with(strings);
}

static void bad_strings(void)
{
	execute(source_end, good, good);
	execute(good, unending, good);
	execute(source_end, good + 100, good + PAGE - 1);
	judged(0);
	execute(too_long, good, good);
	execute(good, too_long, good + 1000);
	judged(1);
	execute_in(source_end, good, good);
	execute_in(good, unending, good);
	execute_in(too_long, good, good);
	judged(2);
}

/* With a stack of 512 KiB all strings together may have as many bytes as the longest. */
static void too_much(void)
{
	struct rlimit before, small;
	char *strings[41] = { NULL };

	for (uint32_t i = 0; i < 40; i++)
		strings[i] = good;
	need(getrlimit(RLIMIT_STACK, &before));
	small = before;
	small.rlim_cur = 512 << 10;
	need(setrlimit(RLIMIT_STACK, &small));
	result(execve(KMH_WORKLOAD_PROGRAM, strings, none));
	execute_with(strings);
	need(setrlimit(RLIMIT_STACK, &before));
	judged(3);
}

/* The list of the strings itself ends in the page that is not mapped. */
static void bad_lists(void)
{
	char **list = (char **)target_end - 2;

	list[0] = good;
	list[1] = good;
	result(execve(KMH_WORKLOAD_PROGRAM, list, none));
	result(execve(KMH_WORKLOAD_PROGRAM, (char **)target_end, none));
	result(execve(source_end, none, none));
	result(execve(unending, none, none));
	judged(4);
}

static void execute_file(const void *contents, size_t size, int32_t one, int32_t other)
{
	char *strings[] = { good, good, NULL };
	int fd = need(open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));

	need(write(fd, contents, size));
	need(close(fd));
	result_either(execve(PROGRAM, strings, strings), one, other);
	need(unlink(PROGRAM));
}

/* A program for this machine, whose program headers follow. */
static Elf32_Ehdr elf_header(uint16_t segments)
{
	return (Elf32_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = segments,
	};
}

/* A program that asks for an interpreter whose name has so many bytes. */
static void interpreted(uint32_t length, int32_t error)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		char name[sizeof(NOWHERE)];
	} program = { elf_header(1), { PT_INTERP }, NOWHERE };

	program.segment.p_offset = sizeof(program.header) + sizeof(program.segment);
	program.segment.p_filesz = length;
	execute_file(&program, sizeof(program), error, error);
}

static void bad_programs(void)
{
	static const char script[] = "#!" NOWHERE " argument\n";
	Elf32_Ehdr header = elf_header(0);

	execute_file(good, 0, -ENOEXEC, -ENOEXEC);
	execute_file(good, PAGE, -ENOEXEC, -ENOEXEC);
	execute_file(&header, 20, -ENOEXEC, -ENOEXEC);
	execute_file(&header, sizeof(header), -ENOEXEC, -ENOEXEC);
	header = elf_header(3);
	execute_file(&header, sizeof(header), -ENOEXEC, -ENOEXEC);
	judged(5);
	interpreted(sizeof(NOWHERE), -ENOENT);
	interpreted(sizeof(NOWHERE) - 1, -ENOEXEC);
	execute_file(script, sizeof(script) - 1, -ENOENT, -ENOEXEC);
	result(execve(NOWHERE, none, none));
	judged(6);
}

void fail_exec(void *unused)
{
	(void)unused;
	make_failing_strings();
	bad_strings();
	too_much();
	bad_lists();
	bad_programs();
	memory_released(7);
}
