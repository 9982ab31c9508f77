// SPDX-License-Identifier: Apache-2.0
#include "clinux.h"
int clinux_version(void) { return 1; }
