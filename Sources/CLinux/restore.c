// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_restore.h"

#include <errno.h>

#ifdef __linux__
#include <sys/xattr.h>

int clinux_set_attribute(int descriptor, const char *name, const void *bytes, size_t count) {
    return fsetxattr(descriptor, name, bytes, count, 0) == 0 ? 0 : -errno;
}
#else
int clinux_set_attribute(int descriptor, const char *name, const void *bytes, size_t count) {
    (void)descriptor, (void)name, (void)bytes, (void)count;
    return -ENOSYS;
}
#endif
