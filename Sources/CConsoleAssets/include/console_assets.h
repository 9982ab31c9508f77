// SPDX-License-Identifier: Apache-2.0
// Static files and templates of the web console, embedded at compile time.
#ifndef EXEQUATUR_CONSOLE_ASSETS_H
#define EXEQUATUR_CONSOLE_ASSETS_H

#include <stddef.h>

/// One embedded file. Both pointers are valid for the life of the process.
typedef struct {
    const char *_Nonnull name;
    const unsigned char *_Nonnull bytes;
    size_t length;
} console_asset;

/// Number of embedded files.
int console_asset_count(void);

/// The file at an index from 0, or a null pointer outside the table.
const console_asset *_Nullable console_asset_at(int index);

#endif
