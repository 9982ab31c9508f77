// SPDX-License-Identifier: Apache-2.0
// Counts what a benchmark allocates, and reads the clock without going through Swift.
#define _GNU_SOURCE
#include "cbench.h"

#include <malloc.h>
#include <time.h>

static __thread uint64_t allocations;

// glibc lets a program put its own functions before these.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    allocations++;
    return __libc_realloc(old, size);
}

uint64_t cbench_allocations(void) {
    return allocations;
}

uint64_t cbench_bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

uint64_t cbench_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
