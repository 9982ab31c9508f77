// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Foundation

/// HMAC-SHA256, made and compared in constant time.
enum HMACSignature {
    static func make(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    static func isValid(_ code: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            Data(code), authenticating: message, using: SymmetricKey(data: key))
    }
}
