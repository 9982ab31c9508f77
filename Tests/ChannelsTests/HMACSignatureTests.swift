// SPDX-License-Identifier: Apache-2.0

import Testing
import TransparencyLog

@testable import Channels

@Suite struct HMACSignatureTests {
    /// RFC 4231, test case 2.
    @Test func publishedVector() {
        let code = HMACSignature.make(
            Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(
            Hex.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            HMACSignature.isValid(
                code, of: Array("what do ya want for nothing?".utf8),
                key: Array("Jefe".utf8)))
        #expect(
            !HMACSignature.isValid(
                code, of: Array("what do ya want".utf8),
                key: Array("Jefe".utf8)))
    }
}
