/* SPDX-License-Identifier: GPL-2.0 */
/* What makes a kernel fail on request is controlled by small files */
#ifndef TESTS_KERNEL_FAULTS_H
#define TESTS_KERNEL_FAULTS_H

/* Each returns 0 or a negative errno */
int faults_write(const char *path, const char *val);
int faults_write_number(const char *path, long long val);
/* -1 when it cannot be read */
int faults_read_number(const char *path);
/* NVLINK2_SHARE=K/N: fail each Nth, beginning with the Kth; all without it */
void faults_share(unsigned int *first, unsigned int *stride);

#endif /* TESTS_KERNEL_FAULTS_H */
