// SPDX-License-Identifier: GPL-2.0
/* First process of the guest that is measured. */
#include "../../machine/common/boot.h"
#include "../../machine/common/report.h"

int main(void)
{
	char *const bench[] = { (char *)"/bench", NULL };

	boot_prepare();
	report_begin("guest");
	report("job.status", "%d", boot_run(bench));
	boot_end();
	return 0;
}
