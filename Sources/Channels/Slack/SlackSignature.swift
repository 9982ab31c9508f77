// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import TransparencyLog

/// Signatures of Slack's requests: HMAC-SHA256 over `v0:timestamp:body`, checked on the raw bytes
/// before anything is parsed (docs.slack.dev, "Verifying requests from Slack").
package enum SlackSignature {
    /// How old or how far ahead a request may be.
    package static let toleranceSeconds: Int64 = 300

    /// Whether a request is one of a holder of the secret, made within five minutes.
    package static func isValid(
        _ signature: String?, timestamp: String?, body: [UInt8], secret: Secret, now: Timestamp
    ) -> Bool {
        guard let signature, let timestamp, signature.hasPrefix("v0="),
            let seconds = Int64(timestamp), String(seconds).utf8.elementsEqual(timestamp.utf8),
            abs(now.milliseconds / 1000 - seconds) <= toleranceSeconds,
            let code = Hash256(hex: String(signature.dropFirst(3)))
        else { return false }
        return HMACSignature.isValid(
            Array(code.bytes), of: Array("v0:\(timestamp):".utf8) + body,
            key: Array(secret.text.utf8))
    }
}
