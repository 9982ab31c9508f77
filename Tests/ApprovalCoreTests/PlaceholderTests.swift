// SPDX-License-Identifier: Apache-2.0

import Testing

@Test func placeholderApprovalCore() {
    #expect(Bool(true))
}
