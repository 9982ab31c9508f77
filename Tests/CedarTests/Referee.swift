// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// What the tests hold our answers against: `scripts/referee/cedar/referee.py`.
let referee = PythonReferee(
    name: "cedar referee", script: "scripts/referee/cedar/referee.py", modules: ["cedarpy"],
    batch: 500)
