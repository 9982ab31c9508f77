// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// What the tests hold our answers against: `scripts/referee/tools/referee.py`.
let referee = PythonReferee(
    name: "tools referee", script: "scripts/referee/tools/referee.py",
    modules: ["cedarpy", "cedar_mcp_schema_generator"], batch: 250)
