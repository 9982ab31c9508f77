// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ExequaturClient

@Suite struct GateTokenTests {
    static let fingerprint = "0123456789abcdef0123456789abcdef"
    static let secret = String(repeating: "s", count: 43)

    @Test func tokenIsRead() throws {
        let text = "exq1_a_\(Self.fingerprint)_cred_with_lines_\(Self.secret)"
        let token = try #require(GateToken("  \(text)\n"))
        #expect(token.kind == .agent)
        #expect(token.keyFingerprint == Self.fingerprint)
        #expect(token.secret == text)
        #expect(!token.description.contains(Self.secret))
    }

    @Test(arguments: [
        "", "x", "exq1_a_\(fingerprint)_c", "exq2_a_\(fingerprint)_c_\(secret)",
        "exq1_z_\(fingerprint)_c_\(secret)", "exq1_a_\(fingerprint.uppercased())_c_\(secret)",
        "exq1_a_0123_c_\(secret)", "exq1_a_\(fingerprint)_c_\(secret) x",
        "exq1_a_\(fingerprint)_c_\(secret)\r\nX-Evil: 1",
    ])
    func otherTextIsRefused(text: String) {
        #expect(GateToken(text) == nil)
    }
}
