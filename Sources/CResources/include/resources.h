// SPDX-License-Identifier: Apache-2.0
#ifndef EXEQUATUR_RESOURCES_H
#define EXEQUATUR_RESOURCES_H

#include <stddef.h>

/// A file that is part of the binary.
struct resource {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/// The starter policies in order; a null pointer after the last.
const struct resource *starter_policy(int index);

/// The schema that every policy set has.
const struct resource *product_schema(void);

/// The OpenAPI description of the HTTP interface.
const struct resource *openapi_document(void);

#endif
