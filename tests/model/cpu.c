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
	adversary_cpu();
	has_second = false;
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

void model_switch(void)
{
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
