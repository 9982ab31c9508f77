// SPDX-License-Identifier: Apache-2.0
//
// Putting files back as they were.
#ifndef CLINUX_RESTORE_H
#define CLINUX_RESTORE_H

#include <stddef.h>

/// Sets one extended attribute of an open file; a negative errno on failure.
int clinux_set_attribute(int descriptor, const char *name, const void *bytes, size_t count);

#endif
