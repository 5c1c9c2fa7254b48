/* SPDX-License-Identifier: GPL-2.0 */
/* One program nvlink2 at a time changes the machine: two would undo each other's work. */
#ifndef LOCK_H
#define LOCK_H

#define LOCK "/run/nvlink2.lock"

/**
 * lock_take() - wait until no other program nvlink2 changes the machine
 *
 * Return: the lock, to be given to lock_release(), or -1 with errno set.
 */
int lock_take(void);

/**
 * lock_release() - let others change the machine
 * @lock: what lock_take() gave
 */
void lock_release(int lock);

#endif
