// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>

#include "attack.h"

static u64 seconds, seed = 1;
static its_test_fn run;

static void tests(void)
{
	char name[64];

	snprintf(name, sizeof(name), run == run_storm ? "two CPUs at all registers at once" :
		 run == run_exhaust ? "EL2's memory for the host's stage 2 is used up" :
		 "%lu seconds of anything", seconds);
	its_host_test(run, name, .value = seconds, .addr = seed);
}

static void __noreturn help(const char *name)
{
	printf("usage: %s [-v ADDR] -x | -e | -l | --storm | --fuzz SECONDS [--seed N]\n", name);
	printf("  -x       attack an ITS that the host owns: all must succeed\n");
	printf("  -e       use up EL2's memory for the host's stage 2\n");
	printf("  -l       say where things are, and do nothing\n");
	printf("  --storm  all registers, from two CPUs at once\n");
	printf("  --fuzz SECONDS, --seed N  do anything that comes to mind\n");
	printf("  -v ADDR  64 KiB of hypervisor memory to aim at, default: the end of its pool\n");
	exit(KSFT_SKIP);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "fuzz", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "storm", no_argument, NULL, 'S' },
		{ }
	};
	bool stock = false, list = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "xelv:h", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			seconds = strtoull(optarg, NULL, 0);
			run = run_fuzz;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			run = run_storm;
			break;
		case 'x':
			stock = true;
			break;
		case 'e':
			run = run_exhaust;
			break;
		case 'l':
			list = true;
			break;
		case 'v':
			its.victim = strtoull(optarg, NULL, 0);
			break;
		default:
			help(argv[0]);
		}
	}
	if (!run && !stock && !list)
		help(argv[0]);

	/* On a stock kernel no debugfs says where it is. */
	if (stock || run == run_exhaust)
		its.base = find_its();
	its_host_setup();
	its_host_setup_vpes();
	its_host_pin_to_cpu(0);
	if (list)
		ksft_exit_skip("nothing done\n");
	if (!its.pool && its.victim == its.queue)
		ksft_exit_skip("not in protected mode, or no longer in the log: see -v\n");

	its_host_run(stock ? stock_attacks : tests);
}
