// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three drivers: libFuzzer (-DFUZZER), a random one with a seed, and the
 * replay of a saved input. They differ in where the bytes come from. With -S there are
 * none, see schedule.c.
 */

#include <stdarg.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "model.h"

#define INPUT_SIZE	(1 << 20)

static const u8 *in_data;
static size_t in_size, in_pos;

/* What the random driver has used up so far, to save it. */
static u8 recorded[INPUT_SIZE];
static bool recording;
static u64 rng;

static u8 next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;

	return rng >> 32;
}

u8 in_u8(void)
{
	if (recording) {
		if (in_pos >= INPUT_SIZE)
			return 0;
		return recorded[in_pos++] = next_random();
	}

	return in_pos < in_size ? in_data[in_pos++] : 0;
}

u64 in_u64(void)
{
	u64 val = 0;
	u32 i;

	for (i = 0; i < 8; i++)
		val = val << 8 | in_u8();

	return val;
}

static u32 rest;

u32 in_below(u32 n)
{
	u32 val;

	rest = 0;
	if (n <= 1)
		return 0;
	val = in_u8();
	if (n > 1 << 8)
		val = val << 8 | in_u8();
	if (n > 1 << 16)
		val = val << 8 | in_u8();
	rest = val / n;

	return val % n;
}

/*
 * What the last in_below() left of its byte or bytes: a choice that takes none of its
 * own, so that the inputs of the corpus keep their meaning.
 */
u32 in_rest(void)
{
	return rest;
}

bool in_one_of(u32 n)
{
	return in_below(n) == n - 1;
}

bool in_done(void)
{
	return recording ? in_pos >= INPUT_SIZE : in_pos >= in_size;
}

void model_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "FAIL: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	fflush(stdout);
	if (verbose)
		__sanitizer_print_stack_trace();
	abort();
}

static void run(const u8 *data, size_t size)
{
	in_data = data;
	in_size = size;
	in_pos = 0;
	host_run(UINT64_MAX);
}

#ifdef FUZZER
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void print_actions(void)
{
	printf("actions: %llu, commands executed: %llu\n", sum.actions, nr_commands);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static bool started;

	if (!started)
		atexit(print_actions);
	started = true;
	run(data, size);

	return 0;
}
#else
#include <signal.h>
#include <time.h>
#include <unistd.h>

static const char *save_name;
static const char *running;
static u64 seed;

/* A report of a sanitizer ends in on_abort() as well. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_leaks=0:allocator_may_return_null=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static void save_input(void)
{
	FILE *file = save_name ? fopen(save_name, "wb") : NULL;

	if (file) {
		fwrite(recorded, 1, in_pos, file);
		fclose(file);
	}
}

static void on_abort(int sig)
{
	if (schedule_failed())
		_exit(1);
	if (running)
		fprintf(stderr, "in %s, at byte %zu\n", running, in_pos);
	else
		fprintf(stderr, "seed %llu, boot %llu, action %llu\n",
			seed, sum.episodes, sum.actions);
	if (recording)
		save_input();
	_exit(1);
}

static void replay(const char *name)
{
	static u8 data[INPUT_SIZE];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		exit(2);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);

	running = name;
	run(data, size);
	running = NULL;
}

static void random_run(u64 nr_actions, u64 per_episode)
{
	while (sum.actions < nr_actions) {
		u64 before = sum.actions;

		/* So that a boot does not depend on those before. */
		rng = (seed + 1) * 0x9e3779b97f4a7c15ULL;
		rng ^= (sum.episodes + 1) * 0xbf58476d1ce4e5b9ULL;
		in_pos = 0;
		recording = true;
		host_run(min(per_episode, nr_actions - sum.actions));
		recording = false;
		/* None of its ITSs was handed over. */
		sum.actions += sum.actions == before;
	}
}

static void print_summary(double seconds)
{
	printf("%llu actions in %llu boots, seed %llu, page size %lu: %.1f s\n",
	       sum.actions, sum.episodes, seed, PAGE_SIZE, seconds);
	printf("  hand-overs: %llu taken, %llu refused; %llu boots with several ITSs\n",
	       sum.handovers, sum.refused_handovers, sum.multi);
	printf("  %llu accesses, %llu by hypercall, %llu commands posted, %llu refused, %llu executed\n",
	       sum.mmio, sum.sends, sum.posted, sum.refused, nr_commands);
	printf("  %llu devices mapped, %llu unmapped, %llu L2 pages linked; %llu boots end with 4 or more\n",
	       sum.mapped, sum.unmapped, sum.l2, sum.deep);
	printf("  %llu vPEs mapped, %llu virtual interrupts written\n", sum.vpes, sum.vlpis);
	printf("  %llu MSIs, %llu by a mapping that is gone, %llu words changed under a read, %llu races\n",
	       sum.msis, sum.old, sum.toctou, sum.races);
	printf("  %llu drivers gave up, %llu were answered in the end; the ITS stalled %llu times\n",
	       sum.late, sum.settled, sum.stalls);
	printf("  %llu suspends, %llu power losses, firmware enabled the ITS %llu times\n",
	       sum.suspends, sum.power, sum.restored);
	printf("  %llu redistributors, %llu hand-overs of them refused; %llu accesses, %llu power losses\n",
	       sum.rdists, sum.refused_rdists, sum.rdist_mmio, sum.rdist_power);
	printf("  %llu LPIs, %llu vPEs made resident, %llu refused, %llu put, %llu vLPIs there; %llu times two CPUs\n",
	       sum.lpis, sum.loads, sum.refused_loads, sum.puts, sum.resident_vlpis, sum.cpus);
	printf("  %llu vPE tables shared, %llu mailboxes, %llu ITSs with a Device table inside\n",
	       sum.borrowed, sum.mailboxes, sum.held);
}

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [-s SEED] [-n ACTIONS] [-e ACTIONS-PER-BOOT] [-o FILE] [-pv]\n"
			"       %s [-pv] FILE...\n"
			"       %s -S [-v] [-j PROCESSES] [SCENARIO [SCHEDULE]]\n", name, name, name);
	return 2;
}

int main(int argc, char **argv)
{
	u64 nr_actions = 2000000, per_episode = 400;
	struct timespec from, to;
	bool schedules = false;
	u32 nr_processes = 1;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:e:o:pvSj:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			nr_actions = strtoull(optarg, NULL, 0);
			break;
		case 'e':
			per_episode = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			save_name = optarg;
			break;
		case 'p':
			power_any = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'S':
			schedules = true;
			break;
		case 'j':
			nr_processes = strtoul(optarg, NULL, 0);
			break;
		default:
			return usage(argv[0]);
		}
	}

	if (verbose)
		setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_abort);
	if (schedules)
		return schedule_main(argc > optind ? argv[optind] : NULL,
				     argc > optind + 1 ? argv[optind + 1] : NULL, nr_processes);
	if (optind < argc) {
		for (; optind < argc; optind++)
			replay(argv[optind]);
		printf("replayed, %llu actions\n", sum.actions);
		return 0;
	}

	clock_gettime(CLOCK_MONOTONIC, &from);
	random_run(nr_actions, per_episode);
	save_input();
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_summary(to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);

	return 0;
}
#endif
