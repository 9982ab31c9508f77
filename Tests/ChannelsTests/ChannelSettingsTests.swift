// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Testing

@testable import Channels

/// The configuration file: what is wrong is told with its place, and nothing is passed over.
@Suite("channel settings")
struct ChannelSettingsTests {
    static let hook = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private func read(_ text: String) throws -> [ChannelSettings] {
        try ChannelSettings.read(try JSON(parsing: Array(text.utf8))) { file in
            switch file {
            case "missing": throw ChannelSettingsError("`missing` can't be read")
            case "empty": ""
            case "lines": "a\nb"
            case "hook": Self.hook
            case "url": "https://prod-1.westeurope.logic.azure.com/workflows/x?sig=y"
            case "plain-url": "http://example.org/x"
            default: "secret"
            }
        }
    }

    private static let slack = #"""
        {"id":"slack","kind":"slack","workspace":"T0001","botTokenFile":"bot",
         "appTokenFile":"app","posts":[{"channel":"C1","groups":["reviewers"]}]}
        """#

    @Test func everyKindIsRead() throws {
        let channels = try read(
            #"""
            [\#(Self.slack),
             {"id":"teams","kind":"teams","appID":"a-1","tenant":"t-1","clientSecretFile":"c"},
             {"id":"flow","kind":"teams-workflow","urlFile":"url","checkpoints":true},
             {"id":"hook","kind":"webhook","url":"https://example.org/h","secretFiles":["hook"],
              "events":["action.*"]},
             {"id":"matrix","kind":"integration","secretFiles":["hook","hook"],
              "workspace":"matrix.example.org"},
             {"id":"mail","kind":"mail","server":"smtp.example.org:587","security":"starttls",
              "user":"u","passwordFile":"p","from":"Exequatur <e@example.org>",
              "recipients":[{"address":"oncall@example.org","groups":["reviewers"]}]}]
            """#)
        #expect(channels.map(\.id.text) == ["slack", "teams", "flow", "hook", "matrix", "mail"])
        guard case .slack(let slack) = channels[0] else { throw ChannelSettingsError("kind") }
        #expect(slack.api == "https://slack.com/api/")
        #expect(slack.posts == [Post(place: "C1", groups: [Handle(constant: "reviewers")])])
        #expect("\(slack.botToken)" == "(secret)" && slack.botToken.text == "secret")
        guard case .webhook(let hook) = channels[3] else { throw ChannelSettingsError("kind") }
        #expect(hook.takes("action.cleared") && !hook.takes("directory.changed"))
    }

    static let wrong: [(String, String)] = [
        ("{}", "`channels`: expected an array"),
        (#"[{"id":"x","kind":"fax"}]"#, "`channels[0].kind`: `fax` is unknown"),
        (#"[{"kind":"slack"}]"#, "channels[0].id"),
        ("[\(slack),\(slack)]", "`channels[1].id`: `slack` is there twice"),
        (slack.wrapped("\"C1\"", "\"C 1\""), "channels[0].posts[0].channel"),
        (slack.wrapped("\"bot\"", "\"missing\""), "`missing` can't be read"),
        (slack.wrapped("\"bot\"", "\"empty\""), "`channels[0].botTokenFile`: the file must hold"),
        (slack.wrapped("\"bot\"", "\"lines\""), "`channels[0].botTokenFile`: the file must hold"),
        (slack.wrapped("\"appTokenFile\":\"app\",", ""), "`channels[0].appTokenFile`: needed"),
        (slack.wrapped("\"posts\"", "\"post\""), "channels[0].post"),
        (
            slack.wrapped("\"posts\"", "\"apiURL\":\"http://slack.example/\",\"posts\""),
            "`channels[0].apiURL`: expected https://"
        ),
        (slack.wrapped("\"posts\"", "\"rateFactor\":0,\"posts\""), "`channels[0].rateFactor`"),
        (
            #"[{"id":"f","kind":"teams-workflow","urlFile":"plain-url"}]"#,
            "`channels[0].urlFile`: expected https://"
        ),
        (
            #"[{"id":"h","kind":"webhook","url":"https://e.org","secretFiles":["x"]}]"#,
            "`channels[0].secretFiles`: expected `whsec_`"
        ),
        (
            #"[{"id":"h","kind":"webhook","url":"https://e.org","secretFiles":[]}]"#,
            "`channels[0].secretFiles`: 1 to 4 files"
        ),
        (mail("smtp.example.org:25", "none"), "`channels[0].security`: `none` only"),
        (mail("smtp.example.org", "tls"), "`channels[0].server`: expected HOST:PORT"),
        (
            mail("localhost:25", "none", to: "a@b@c"),
            "`channels[0].recipients`: expected addresses"
        ),
        (mail("localhost:25", "none", from: "x\r\nBcc: y@z.org"), "`channels[0].from`"),
        (slack.wrapped("\"posts\"", "\"drift\":\"C 1\",\"posts\""), "`channels[0].drift`"),
        (slack.wrapped("\"posts\"", "\"drift\":true,\"posts\""), "channels[0].drift"),
        (
            slack.wrapped("\"posts\"", "\"driftSeverity\":\"high\",\"posts\""),
            "`channels[0].driftSeverity`: only together"
        ),
        (
            slack.wrapped(
                "\"posts\"", "\"drift\":\"C1\",\"driftSeverity\":\"High\",\"posts\""),
            "`channels[0].driftSeverity`: `High` is unknown"
        ),
        (
            #"[{"id":"f","kind":"teams-workflow","urlFile":"url","drift":"C1"}]"#,
            "channels[0].drift"
        ),
        (
            mail("localhost:25", "none", drift: "oncall"),
            "`channels[0].drift`: expected an address"
        ),
        (
            mail("localhost:25", "none", drift: "a@b.c\r\nBcc:x@y.z"),
            "`channels[0].drift`: expected"
        ),
    ]

    private static func mail(
        _ server: String, _ security: String, from: String = "e@example.org",
        to: String = "o@example.org", drift: String? = nil
    ) -> String {
        var members: JSONObject = [
            "from": .string(from), "id": "mail", "kind": "mail",
            "recipients": [["address": .string(to)]], "security": .string(security),
            "server": .string(server),
        ]
        if let drift { members["drift"] = .string(drift) }
        let json: JSON = [.object(members)]
        return json.description
    }

    @Test(arguments: wrong)
    func whatIsWrongIsToldWithItsPlace(text: String, message: String) throws {
        let error = #expect(throws: (any Error).self) { try read(text) }
        let told = error.map { "\($0)" } ?? ""
        #expect(told.contains(message), "\(told)")
    }

    @Test func alertsGoWhereTheConfigurationSays() throws {
        let channels = try read(
            #"""
            [\#(Self.slack.replacing("\"posts\"", with: "\"drift\":\"C2\",\"posts\"")),
             {"id":"teams","kind":"teams","appID":"a-1","tenant":"t-1","clientSecretFile":"c",
              "drift":"19:x@thread.tacv2","driftSeverity":"critical"},
             {"id":"flow","kind":"teams-workflow","urlFile":"url","drift":true,
              "driftSeverity":"low"},
             {"id":"quiet","kind":"teams-workflow","urlFile":"url","drift":false},
             {"id":"mail","kind":"mail","server":"localhost:25","security":"none",
              "from":"e@example.org","recipients":[],"drift":"oncall@example.org"}]
            """#)
        let alerts = channels.map { channel -> AlertPost? in
            switch channel {
            case .slack(let settings): settings.alerts
            case .teams(let settings): settings.alerts
            case .workflow(let settings): settings.alerts
            case .mail(let settings): settings.alerts
            case .webhook, .integration: nil
            }
        }
        #expect(
            alerts == [
                AlertPost(place: "C2", least: .medium),
                AlertPost(place: "19:x@thread.tacv2", least: .critical),
                AlertPost(place: "workflow", least: .low), nil,
                AlertPost(place: "oncall@example.org", least: .medium),
            ])
    }

    @Test func tokensGoOnlyToSafeAddresses() {
        for url in [
            "https://a.example/", "http://127.0.0.1:8/x", "http://localhost/", "http://[::1]:1/",
        ] {
            #expect(SettingsReader.isSafe(url), "\(url)")
        }
        for url in [
            "http://example.org/", "http://127.0.0.1.example.org/", "http://localhost.example.org",
            "http://localhost@example.org/", "ftp://localhost/", "https://", "https://a b/", "",
        ] {
            #expect(!SettingsReader.isSafe(url), "\(url)")
        }
    }
}

extension String {
    /// This channel in a list, changed in one place.
    fileprivate func wrapped(_ part: String, _ other: String) -> String {
        "[\(replacing(part, with: other))]"
    }
}
