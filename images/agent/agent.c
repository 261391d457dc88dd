// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent, /init of a guest: it brings the machine up, then answers requests for ever.
 *
 * It never forks and never execs, except for the one script of the guest with SSH, before the
 * first request: on 5.10, exec itself uses the mappings that are under test.  Processes with
 * another name are those of a workload, which the module starts.
 */
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "workload.h"

int main(int argc, char **argv)
{
	bool scripted;
	int port = -1;

	if (!strcmp(argv[0], KMH_WORKLOAD_NAME))
		return workload_main(argc, argv);
	mount_all();
	scripted = script_open();
	if (!scripted)
		load_modules();
	run_rc();
	set_limits();
	shift_frames();
	serve_start();
	if (!scripted)
		port = open_port();
	harness_load(NULL, 0);
	if (scripted) {
		script_run();
		load_modules();
		port = open_port();
	}
	if (port < 0)
		for (;;)
			pause();	/* PID 1 must not end; the host reads the console */
	link_start(port);
	say("agent up");
	serve();
}
