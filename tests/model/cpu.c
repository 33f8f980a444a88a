// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two CPUs of the host. While one is in EL2 the other may enter it as well: at each
 * access to what they share, be it a lock, a register or what EL2 reads and writes
 * once, either can go on. One step follows another, as if barriers were everywhere.
 */

#include <ucontext.h>
#include <sanitizer/common_interface_defs.h>

#include "model.h"

#define STACK_SIZE	(1 << 19)

static ucontext_t contexts[NR_CPUS];
static char stack[STACK_SIZE] __attribute__((aligned(64)));
static const void *main_stack;
static size_t main_stack_size;

/* Which of the contexts runs, and which CPU the first is. */
static u32 running, first_cpu;
static bool in_el2[NR_CPUS];

/* The second is on its way, or is when so many switches have not been made. */
static bool has_second;
static u32 second_in, switch_in;

/*
 * In schedule.c it is not the input that says who goes on. What each of them waits for,
 * if anything; and a model of hardware is at work, which is one step.
 */
static bool scheduled, in_hardware;
static const bool *waits_for[NR_CPUS];
static bool at_end[NR_CPUS];

u32 model_cpu(void)
{
	return running ^ first_cpu;
}

bool cpu_is_second(void)
{
	return running;
}

void cpu_reset(void)
{
	running = first_cpu = second_in = switch_in = 0;
	has_second = in_el2[0] = in_el2[1] = false;
	scheduled = in_hardware = false;
}

void cpu_set(u32 cpu)
{
	first_cpu = cpu;
}

void cpu_start_second_in(u32 nr)
{
	second_in = nr;
}

void cpu_enter_el2(void)
{
	in_el2[running] = true;
}

void cpu_leave_el2(void)
{
	in_el2[running] = false;
}

bool cpu_other_in_el2(void)
{
	return in_el2[!running];
}

bool cpu_is_scheduled(void)
{
	return scheduled;
}

void cpu_in_hardware(bool in)
{
	in_hardware = in;
}

static void go_on(u32 with)
{
	u32 from = running;
	void *fake;

	__sanitizer_start_switch_fiber(&fake, with ? stack : main_stack,
				       with ? sizeof(stack) : main_stack_size);
	running = with;
	swapcontext(&contexts[from], &contexts[with]);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static void second(void)
{
	__sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_size);
	if (scheduled)
		schedule_cpu(1);
	else
		adversary_cpu();
	has_second = false;
	at_end[1] = true;
	running = 0;
	__sanitizer_start_switch_fiber(NULL, main_stack, main_stack_size);
	setcontext(&contexts[0]);
}

static void start_second(void)
{
	getcontext(&contexts[1]);
	contexts[1].uc_stack.ss_sp = stack;
	contexts[1].uc_stack.ss_size = sizeof(stack);
	contexts[1].uc_link = NULL;
	makecontext(&contexts[1], second, 0);
	has_second = true;
	sum.cpus++;
}

static bool countdown(u32 *count)
{
	return *count && !--*count;
}

static bool can_go_on(u32 cpu)
{
	return !at_end[cpu] && !(waits_for[cpu] && *waits_for[cpu]);
}

/* One of the two may be preempted here by the other. */
void cpu_step(void)
{
	if (scheduled && !in_hardware && can_go_on(!running) && schedule_preempts())
		go_on(!running);
}

/* A lock that is not free until the other one has gone on. */
static void wait_scheduled(const bool *held)
{
	while (*held) {
		waits_for[running] = held;
		check(can_go_on(!running), "deadlock of two CPUs");
		go_on(!running);
	}
	waits_for[running] = NULL;
}

/* What ASan says at the first switch it says here, and not in each process after it. */
void cpu_first_switch(void)
{
	volatile bool back = false;

	getcontext(&contexts[0]);
	if (!back) {
		back = true;
		swapcontext(&contexts[1], &contexts[0]);
	}
}

/* Both of them, from their first steps to their ends. */
void cpu_run_scheduled(u32 first)
{
	at_end[0] = at_end[1] = false;
	waits_for[0] = waits_for[1] = NULL;
	scheduled = true;
	start_second();
	if (first)
		go_on(1);
	schedule_cpu(0);
	at_end[0] = true;
	if (has_second)
		go_on(1);
	scheduled = false;
}

void model_switch(void)
{
	if (scheduled) {
		if (in_el2[running])
			cpu_step();
		return;
	}

	if (!deprivileged || !in_el2[running] || entry.suspending)
		return;

	if (!has_second) {
		if (running || !countdown(&second_in))
			return;
		start_second();
	} else if (!countdown(&switch_in)) {
		return;
	}

	switch_in = in_below(8);
	go_on(!running);
}

/* For a lock that the other one holds. */
void cpu_wait(const bool *held)
{
	u32 tries = 0;

	if (scheduled)
		return wait_scheduled(held);

	while (*held && has_second) {
		check(tries++ < 1000, "deadlock of two CPUs");
		go_on(!running);
	}
}

/* The first has left EL2: let the second do so. */
void cpu_finish(void)
{
	while (has_second)
		go_on(1);
}
