// SPDX-License-Identifier: Apache-2.0
// Files that a new installation begins with; #embed (C23) keeps them readable in the tree.
#include "resources.h"

static const unsigned char commands[] = {
#embed "../../policies/starter/10-commands.cedar"
};
static const unsigned char agents[] = {
#embed "../../policies/starter/12-agents.cedar"
};
static const unsigned char tools[] = {
#embed "../../policies/starter/15-tools.cedar"
};
static const unsigned char drift[] = {
#embed "../../policies/starter/16-drift.cedar"
};
static const unsigned char forbidden[] = {
#embed "../../policies/starter/20-forbidden.cedar"
};
static const unsigned char administration[] = {
#embed "../../policies/starter/30-exequatur.cedar"
};
static const unsigned char schema[] = {
#embed "../../policies/schema/exequatur.cedarschema"
};
static const unsigned char openapi[] = {
#embed "openapi.json"
};

static const struct resource starter_policies[] = {
    {"10-commands.cedar", commands, sizeof commands},
    {"12-agents.cedar", agents, sizeof agents},
    {"15-tools.cedar", tools, sizeof tools},
    {"16-drift.cedar", drift, sizeof drift},
    {"20-forbidden.cedar", forbidden, sizeof forbidden},
    {"30-exequatur.cedar", administration, sizeof administration},
};

const struct resource *starter_policy(int index) {
    const int count = sizeof starter_policies / sizeof *starter_policies;
    return index >= 0 && index < count ? &starter_policies[index] : 0;
}

static const struct resource openapi_resource = {"openapi.json", openapi, sizeof openapi};

const struct resource *openapi_document(void) {
    return &openapi_resource;
}

static const struct resource schema_resource = {"exequatur.cedarschema", schema, sizeof schema};

const struct resource *product_schema(void) {
    return &schema_resource;
}
