// SPDX-License-Identifier: Apache-2.0
#include "console_assets.h"
const int console_assets_version = 1;
