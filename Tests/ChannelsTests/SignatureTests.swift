// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Testing

@testable import Channels

/// Signatures of Slack's requests and of Standard Webhooks, with their published vectors.
@Suite("signatures")
struct SignatureTests {
    // Slack's own example, as its Python SDK tests it.
    private let secret = Secret("8f742231b10e8888abcd99yyyzzz85a5")
    private let timestamp = "1531420618"
    private let body = Array(
        ("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
            + "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
            + "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
            + "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
            + "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c").utf8)
    private let signature =
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    private let slackNow = Timestamp(milliseconds: 1_531_420_618_000)

    private func isValid(
        _ signature: String?, _ timestamp: String?, _ body: [UInt8], after seconds: Int64 = 0
    ) -> Bool {
        SlackSignature.isValid(
            signature, timestamp: timestamp, body: body, secret: secret,
            now: slackNow.adding(seconds: seconds))
    }

    @Test func slacksPublishedExampleIsValid() {
        #expect(isValid(signature, timestamp, body))
    }

    @Test func anOldOrEarlyRequestOfSlackIsRefused() {
        #expect(isValid(signature, timestamp, body, after: 300))
        #expect(!isValid(signature, timestamp, body, after: 301))
        #expect(!isValid(signature, timestamp, body, after: -301))
    }

    @Test func aChangedRequestOfSlackIsRefused() {
        #expect(!isValid(signature, timestamp, body + [0x20]))
        #expect(!isValid(signature, "1531420619", body))
        #expect(!isValid(nil, timestamp, body))
        #expect(!isValid(signature, nil, body))
        for wrong in [
            "", "v0=", "v1" + signature.dropFirst(2), signature.uppercased(), signature + "0",
        ] {
            #expect(!isValid(wrong, timestamp, body), "\(wrong)")
        }
        for wrong in ["+1531420618", " 1531420618", "01531420618", "1531420618.0", "x"] {
            #expect(!isValid(signature, wrong, body), "\(wrong)")
        }
    }

    // The example of the Standard Webhooks specification.
    private let hookSecret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    private let hookID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    private let hookBody = Array(#"{"test": 2432232314}"#.utf8)
    private let hookNow = Timestamp(milliseconds: 1_614_265_330_000)
    private let hookSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    private func fault(
        id: String? = nil, timestamp: String? = "1614265330", signature: String? = nil,
        body: [UInt8]? = nil, secrets: [Secret]? = nil, after seconds: Int64 = 0
    ) -> String? {
        WebhookSignature.fault(
            id: id ?? hookID, timestamp: timestamp, signature: signature ?? hookSignature,
            body: body ?? hookBody, secrets: secrets ?? [hookSecret],
            now: hookNow.adding(seconds: seconds))
    }

    @Test func thePublishedWebhookIsSignedAndRead() {
        #expect(
            WebhookSignature.header(
                id: hookID, at: hookNow, body: hookBody, secrets: [hookSecret]) == hookSignature)
        #expect(fault() == nil)
        #expect(fault(signature: "v1a,AAAA v1,AAAA \(hookSignature)") == nil)
    }

    @Test func aRotatedSecretSignsBesideTheOldOne() {
        let fresh = Secret("whsec_" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        let header = WebhookSignature.header(
            id: hookID, at: hookNow, body: hookBody, secrets: [fresh, hookSecret])
        #expect(header.split(separator: " ").count == 2)
        #expect(fault(signature: header, secrets: [hookSecret]) == nil)
        #expect(fault(signature: header, secrets: [fresh]) == nil)
        #expect(fault(secrets: [fresh]) != nil)
    }

    @Test func aChangedOldOrUnsignedWebhookIsRefused() {
        #expect(fault(body: hookBody + [0x20]) != nil)
        #expect(fault(id: "msg_other") != nil)
        #expect(fault(id: "a.b") != nil)
        #expect(fault(timestamp: "1614265331") != nil)
        #expect(fault(timestamp: nil) != nil)
        #expect(fault(signature: "v1,") != nil)
        #expect(fault(signature: String(hookSignature.dropFirst(3))) != nil)
        #expect(fault(after: 300) == nil)
        #expect(fault(after: 301) != nil)
        #expect(fault(after: -301) != nil)
    }
}
