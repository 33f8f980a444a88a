// SPDX-License-Identifier: GPL-2.0-only
/* its_rdist.c as it is, and a way to forget its redistributors between two runs. */

#include "its_rdist.c"

void model_reset_el2_rdists(void);

void model_reset_el2_rdists(void)
{
	hyp_rdists_use(NULL, 0);
	memset(&rdist_prop, 0, sizeof(rdist_prop));
	memset(rdist_of_cpu, 0, sizeof(rdist_of_cpu));
}
