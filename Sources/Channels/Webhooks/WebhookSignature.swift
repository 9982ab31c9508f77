// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Foundation

/// A secret of the form `whsec_` and base 64 of 24 to 64 bytes (Standard Webhooks).
enum WebhookSecret {
    static func bytes(_ secret: Secret) -> [UInt8]? {
        guard secret.text.hasPrefix("whsec_"),
            let data = Data(base64Encoded: String(secret.text.dropFirst(6))),
            (24...64).contains(data.count)
        else { return nil }
        return [UInt8](data)
    }

    static func check(_ secrets: [Secret], _ reader: SettingsReader) throws {
        guard secrets.allSatisfy({ bytes($0) != nil }) else {
            throw reader.error(
                "secretFiles",
                "expected `whsec_` and the base 64 of 24 to 64 bytes, such as "
                    + "`whsec_$(openssl rand -base64 32)`")
        }
    }
}

/// Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
///
/// Specification: github.com/standard-webhooks/standard-webhooks, "Signature scheme", `v1`.
package enum WebhookSignature {
    /// How old or how far ahead a message may be.
    package static let toleranceSeconds: Int64 = 300

    /// The header with one signature per secret, so that receivers may change theirs at leisure.
    package static func header(
        id: String, at: Timestamp, body: [UInt8], secrets: [Secret]
    ) -> String {
        secrets.compactMap(WebhookSecret.bytes).map { key in
            let code = HMACSignature.make(signed(id, at.milliseconds / 1000, body), key: key)
            return "v1,\(Data(code).base64EncodedString())"
        }.joined(separator: " ")
    }

    /// Why a message is not one of a holder of these secrets, or nil.
    package static func fault(
        id: String?, timestamp: String?, signature: String?, body: [UInt8], secrets: [Secret],
        now: Timestamp
    ) -> String? {
        guard let id, let timestamp, let signature else {
            return "send `webhook-id`, `webhook-timestamp` and `webhook-signature`"
        }
        guard ChatAccount.isID(id), !id.utf8.contains(UInt8(ascii: ".")) else {
            return "`webhook-id`: 1 to 128 printable characters without spaces and full stops"
        }
        guard let seconds = Int64(timestamp), String(seconds).utf8.elementsEqual(timestamp.utf8),
            abs(now.milliseconds / 1000 - seconds) <= toleranceSeconds
        else { return "`webhook-timestamp`: more than 5 minutes from the time here" }
        let message = signed(id, seconds, body)
        let codes = signature.split(separator: " ").prefix(16)
            .filter { $0.hasPrefix("v1,") }
            .compactMap { Data(base64Encoded: String($0.dropFirst(3))) }
        let isGood = secrets.compactMap(WebhookSecret.bytes).contains { key in
            codes.contains { HMACSignature.isValid([UInt8]($0), of: message, key: key) }
        }
        return isGood ? nil : "`webhook-signature`: not made with a secret of this channel"
    }

    private static func signed(_ id: String, _ seconds: Int64, _ body: [UInt8]) -> [UInt8] {
        Array("\(id).\(seconds).".utf8) + body
    }
}
