// SPDX-License-Identifier: GPL-2.0-only
/*
 * A workload of errors: calls fail in the middle of a copy, where a mapping or a page is easily
 * left behind.  Each part is a process of its own, whose mappings nobody inherits.
 */
#include "workload.h"

void workload_errors(void)
{
	await(start(fail_exec, NULL));
	await(start(fail_pipes, NULL));
	await(start(fail_files, NULL));
	await(start(fail_splices, NULL));
	await(start(fail_memory, NULL));
}
