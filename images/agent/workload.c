// SPDX-License-Identifier: GPL-2.0-only
/* A process of a workload: which program it is. */
#include <stdlib.h>

#include "workload.h"

/* argv: the name, the kind, the seed, and what EXEC gives itself. */
int workload_main(int argc, char **argv)
{
	uint32_t kind = argc > 2 ? strtoul(argv[1], NULL, 10) : KMH_WORKLOADS;

	if (kind >= KMH_WORKLOADS || !workload_begin(strtoul(argv[2], NULL, 10)))
		return 4;
	switch (kind) {
	case KMH_WORKLOAD_COW:
		workload_cow();
		break;
	case KMH_WORKLOAD_TABLES:
		workload_tables();
		break;
	case KMH_WORKLOAD_FILES:
		workload_files();
		break;
	case KMH_WORKLOAD_FUTEX:
		workload_futex();
		break;
	case KMH_WORKLOAD_REMOTE:
		workload_remote();
		break;
	case KMH_WORKLOAD_SOCKETS:
		workload_sockets();
		break;
	case KMH_WORKLOAD_THREADS:
		workload_threads();
		break;
	case KMH_WORKLOAD_ERRORS:
		workload_errors();
		break;
	default:
		workload_exec(argc, argv);
	}
	return 0;
}
