// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WebAuthn

/// What the other implementation says of a defect.
enum Elsewhere: Sendable, Equatable {
    /// It refuses it too.
    case refused
    /// It has no such rule, for this reason.
    case accepted(String)
    /// It is not asked, because its answer says nothing of the rule.
    case notAsked(String)
}

/// Something that is wrong with an answer, and what has to be said of it.
struct Defect<Answer: Sendable>: Sendable, CustomTestStringConvertible {
    let name: String
    let code: WebAuthnError.Code
    let elsewhere: Elsewhere
    let change: @Sendable (inout Answer) -> Void

    init(
        _ name: String, _ code: WebAuthnError.Code, _ elsewhere: Elsewhere = .refused,
        _ change: @escaping @Sendable (inout Answer) -> Void
    ) {
        self.name = name
        self.code = code
        self.elsewhere = elsewhere
        self.change = change
    }

    var testDescription: String { name }
}

/// An answer that has client data and authenticator data.
protocol SoftAnswer: Sendable {
    var client: SoftClient { get set }
    var data: SoftData { get set }
}
extension SoftRegistration: SoftAnswer {}
extension SoftAssertion: SoftAnswer {}

extension Defect where Answer: SoftAnswer {
    /// What is wrong with either.
    static var common: [Defect] { ofClientData + ofOrigins + ofFrames + ofFlags }

    private static var ofClientData: [Defect] {
        let lax = Elsewhere.accepted("reads JSON as Python does")
        return [
            Defect("other type", .wrongType) { $0.client.type = "payment.get" },
            Defect("type in another case", .wrongType) {
                $0.client.type = $0.client.type.uppercased()
            },
            Defect("other challenge", .wrongChallenge) { $0.client.challenge[31] ^= 1 },
            Defect("shorter challenge", .wrongChallenge) { $0.client.challenge.removeLast() },
            Defect("padded challenge", .wrongChallenge, .accepted("decodes base64 leniently")) {
                let padded = "\(Base64URL.encode($0.client.challenge))="
                $0.client.text = Array(
                    """
                    {"type":"\($0.client.type)","challenge":"\(padded)",\
                    "origin":"https://example.org"}
                    """.utf8)
            },
            Defect("no JSON", .clientDataNotJSON) { $0.client.text = Array("{".utf8) },
            Defect("no client data", .clientDataNotJSON) { $0.client.text = [] },
            Defect("byte order mark", .clientDataNotJSON, .accepted("skips it")) {
                $0.client.text = [0xEF, 0xBB, 0xBF] + $0.client.bytes
            },
            Defect("not UTF-8", .clientDataNotJSON) {
                $0.client.text =
                    $0.client.bytes.dropLast() + Array(",\"a\":\"".utf8)
                    + [0xFF, 0x22, 0x7D]
            },
            Defect("trailing JSON", .clientDataNotJSON) { $0.client.rest += "}{" },
            Defect("same member twice", .clientDataNotJSON, lax) {
                $0.client.rest += #","origin":"https://example.org""#
            },
            Defect("same member twice, escaped", .clientDataNotJSON, lax) {
                $0.client.rest += #","\u0074ype":"\#($0.client.type)""#
            },
            Defect("an array", .clientDataIncomplete) { $0.client.text = Array("[]".utf8) },
            Defect("no origin", .clientDataIncomplete) {
                $0.client.text = Array(
                    """
                    {"type":"\($0.client.type)",\
                    "challenge":"\(Base64URL.encode($0.client.challenge))"}
                    """.utf8)
            },
            Defect("no text as the type", .clientDataIncomplete) {
                $0.client.text = Array(#"{"type":1,"challenge":"","origin":""}"#.utf8)
            },
            Defect("too much client data", .clientDataTooLarge, .accepted("has no limit")) {
                $0.client.rest += #","a":"\#(String(repeating: "a", count: 8_192))""#
            },
            Defect("deeply nested client data", .clientDataNotJSON, .accepted("has no limit")) {
                let (left, right) = (
                    String(repeating: "[", count: 17), String(repeating: "]", count: 17)
                )
                $0.client.rest += #","a":\#(left)\#(right)"#
            },
        ]
    }

    private static var ofOrigins: [Defect] {
        [
            "http://example.org", "https://example.org:8443", "https://example.org:443",
            "https://example.org.evil.test", "https://example.or", "https://notexample.org",
            "https://login.example.org", "https://evil.test/https://example.org",
            "https://Example.org", "HTTPS://example.org", "https://example.org/",
            " https://example.org", "https://user@example.org", "", "null", "example.org",
            // The same text for `String ==` once composed, and other bytes.
            "https://example.org\u{0}", "https://e\u{301}xample.org",
        ].map { origin in
            Defect("origin `\(origin)`", .wrongOrigin) {
                $0.client.origin = origin.replacing("\u{0}", with: "\\u0000")
            }
        }
    }

    private static var ofFrames: [Defect] {
        let lax = Elsewhere.accepted("does not look at frames")
        return [
            Defect("cross-origin", .crossOrigin, lax) { $0.client.rest = #","crossOrigin":true"# },
            Defect("cross-origin as text", .crossOrigin, lax) {
                $0.client.rest = #","crossOrigin":"false""#
            },
            Defect("cross-origin null", .crossOrigin, lax) {
                $0.client.rest = #","crossOrigin":null"#
            },
            Defect("top origin", .topOrigin, lax) {
                $0.client.rest += #","topOrigin":"https://example.org""#
            },
            Defect("top origin null", .topOrigin, lax) { $0.client.rest += #","topOrigin":null"# },
            Defect("cross-origin with top origin", .crossOrigin, lax) {
                $0.client.rest = #","crossOrigin":true,"topOrigin":"https://example.com""#
            },
        ]
    }

    private static var ofFlags: [Defect] {
        [
            Defect("other relying party", .wrongRelyingParty) {
                $0.data.relyingPartyID = "example.com"
            },
            Defect("relying party in another case", .wrongRelyingParty) {
                $0.data.relyingPartyID = "Example.org"
            },
            Defect("user not present", .userNotPresent) { $0.data.flags &= ~SoftData.up },
            Defect("user not verified", .userNotVerified) { $0.data.flags &= ~SoftData.uv },
            Defect("neither", .userNotPresent) { $0.data.flags &= ~(SoftData.up | SoftData.uv) },
            Defect("backed up but not eligible", .backupWithoutEligibility) {
                $0.data.flags |= SoftData.bs
            },
        ]
    }
}
