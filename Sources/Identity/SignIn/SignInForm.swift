// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import TransparencyLog

/// How parameters and the client's credentials are written (RFC 6749 appendix B and §2.3.1).
enum SignInForm {
    /// `application/x-www-form-urlencoded`, with a space as `%20`, which every reader takes.
    static func encode(_ parameters: [(String, String)]) -> String {
        parameters.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }
            .joined(separator: "&")
    }

    /// The value of `Authorization` for `client_secret_basic`: both halves encoded first.
    static func basic(_ clientID: String, _ secret: String) -> String {
        let pair = "\(PercentEncoding.encode(clientID)):\(PercentEncoding.encode(secret))"
        return "Basic \(CanonicalBase64.encode(Array(pair.utf8)))"
    }

    /// Compares without telling by its time where the first difference is.
    static func areEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
