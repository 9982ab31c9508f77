// SPDX-License-Identifier: Apache-2.0

/// Warns of text in a policy that may read as something else than it is (UTS 39).
enum TextChecker {
    static func warnings(of policy: PolicyUnderValidation) -> [ValidationWarning] {
        []
    }
}
