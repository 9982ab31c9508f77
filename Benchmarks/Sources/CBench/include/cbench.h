// SPDX-License-Identifier: Apache-2.0
#ifndef CBENCH_H
#define CBENCH_H

#include <stddef.h>
#include <stdint.h>

/// Allocations of this thread since it began.
uint64_t cbench_allocations(void);

/// Bytes that the process has allocated and not given back.
uint64_t cbench_bytes_in_use(void);

/// A clock that only goes forward.
uint64_t cbench_nanoseconds(void);

#endif
