// SPDX-License-Identifier: GPL-2.0-only
/* its_emulate.c as it is, and a way to forget its ITSs between two runs. */

#include "its_emulate.c"

void model_reset_el2(void);

void model_reset_el2(void)
{
	nr_its = 0;
	its_allow_protected = false;
	its_nr_suspending = 0;
}
