/* SPDX-License-Identifier: GPL-2.0 */
/* What the host's kernel has to say: log, tracepoints, firmware's log. */
#ifndef AFTERMATH_H
#define AFTERMATH_H

/**
 * trace_begin() - switch the tracepoints of vfio-pci on, and that of cut links, and probe what LPID a GPU is given.
 */
void trace_begin(void);

/**
 * trace_report() - report how often each tracepoint was seen and the LPIDs in their order; show what was recorded.
 */
void trace_report(void);

/**
 * kernel_log_report() - show the kernel's log and report how many of its lines are warnings.
 */
void kernel_log_report(void);

/**
 * kernel_log_count() - how often the kernel's log has these words.
 * @words: the words.
 */
int kernel_log_count(const char *words);

/**
 * cut_report() - report what the kernel says of the links between GPUs that it has cut: which when it found the GPU, and
 * how often since trace_begin().
 * @address: the GPU.
 */
void cut_report(const char *address);

/**
 * firmware_log_report() - show what firmware logged about the NPUs, complete resets of PHBs, and kernels that
 * took over or left.
 */
void firmware_log_report(void);

/**
 * logs_report() - all three.
 */
void logs_report(void);

#endif
