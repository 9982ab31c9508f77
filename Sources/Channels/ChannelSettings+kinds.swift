// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

/// A Slack app in one workspace, or in all of an enterprise.
package struct SlackSettings: Sendable, Hashable {
    package let id: Handle
    /// The team whose members decide.
    package let workspace: String
    /// The organisation that the team belongs to; its members of other teams decide too.
    package let enterprise: String?
    package let botToken: Secret
    /// For Socket Mode, which needs no address of ours.
    package let appToken: Secret?
    /// For requests that Slack sends to us.
    package let signingSecret: Secret?
    package let api: String
    package let posts: [Post]
    package let directMessages: Bool
    /// Where the daily checkpoint goes.
    package let checkpoints: String?
    package let alerts: AlertPost?
    /// How many times Slack's published limits are used; some workspaces have more.
    package let rateFactor: Double

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        workspace = try reader.vendorID("workspace")
        enterprise = try reader.optionalVendorID("enterprise")
        botToken = try reader.secretFile("botTokenFile")
        appToken = try reader.optionalSecretFile("appTokenFile")
        signingSecret = try reader.optionalSecretFile("signingSecretFile")
        api = try reader.base("apiURL", default: "https://slack.com/api/")
        posts = try reader.posts("channel")
        directMessages = try reader.json.optionalBool("directMessages") ?? true
        checkpoints = try reader.optionalVendorID("checkpoints")
        alerts = try reader.alerts()
        let factor = try reader.json.optionalInt("rateFactor") ?? 1
        guard (1...1000).contains(factor) else { throw reader.error("rateFactor", "1 to 1000") }
        rateFactor = Double(factor)
        guard appToken != nil || signingSecret != nil else {
            throw reader.error(
                "appTokenFile", "needed for Socket Mode; or `signingSecretFile`, for HTTP")
        }
    }
}

/// A bot in one tenant of Microsoft Teams.
package struct TeamsSettings: Sendable, Hashable {
    package let id: Handle
    package let appID: String
    package let tenant: String
    package let clientSecret: Secret
    package let login: String
    /// Where the Bot Framework describes itself, and with it its keys.
    package let openIDMetadata: IssuerURL
    /// Beginnings of addresses that the bot's token may be sent to.
    package let serviceURLs: [String]
    package let posts: [Post]
    package let directMessages: Bool
    package let checkpoints: String?
    package let alerts: AlertPost?

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        appID = try reader.vendorID("appID")
        tenant = try reader.vendorID("tenant")
        clientSecret = try reader.secretFile("clientSecretFile")
        login = try reader.base("loginURL", default: "https://login.microsoftonline.com/")
        let metadata = try reader.url(
            "openIDMetadata",
            default: "https://login.botframework.com/v1/.well-known/openidconfiguration")
        do {
            openIDMetadata = try IssuerURL(metadata)
        } catch {
            throw reader.error("openIDMetadata", "\(error)")
        }
        let services =
            try reader.json.optionalStrings("serviceURLs")
            ?? ["https://smba.trafficmanager.net/"]
        guard !services.isEmpty,
            services.allSatisfy({ $0.hasSuffix("/") && SettingsReader.isSafe($0) })
        else {
            throw reader.error("serviceURLs", SettingsReader.unsafe + ", each ending with /")
        }
        serviceURLs = services
        posts = try reader.posts("conversation")
        directMessages = try reader.json.optionalBool("directMessages") ?? true
        checkpoints = try reader.optionalVendorID("checkpoints")
        alerts = try reader.alerts()
    }
}

/// A Workflows webhook of Microsoft Teams: it takes cards and sends nothing back.
package struct WorkflowSettings: Sendable, Hashable {
    package let id: Handle
    /// The address has the right to post in it.
    package let url: Secret
    package let groups: Set<Handle>
    package let checkpoints: Bool
    package let alerts: AlertPost?

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        url = try reader.secretFile("urlFile")
        guard SettingsReader.isSafe(url.text) else {
            throw reader.error("urlFile", SettingsReader.unsafe)
        }
        groups = try reader.groups()
        checkpoints = try reader.json.optionalBool("checkpoints") ?? false
        let isTold = try reader.json.optionalBool("drift") ?? false
        alerts = try reader.alerts(at: isTold ? "workflow" : nil)
    }
}

/// Events for a program of somebody, as Standard Webhooks.
package struct WebhookSettings: Sendable, Hashable {
    package let id: Handle
    package let url: String
    /// The first signs alone once the others are taken out; receivers may know any of them.
    package let secrets: [Secret]
    /// Kinds such as `action.cleared`, or `action.*`; empty for all.
    package let events: [String]

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        url = try reader.url("url")
        secrets = try reader.secretFiles("secretFiles")
        events = try reader.json.optionalStrings("events") ?? []
        try WebhookSecret.check(secrets, reader)
    }

    /// True for events that are sent here.
    package func takes(_ kind: String) -> Bool {
        events.isEmpty
            || events.contains { pattern in
                pattern.hasSuffix("*")
                    ? kind.utf8.starts(with: pattern.dropLast().utf8)
                    : kind.utf8.elementsEqual(pattern.utf8)
            }
    }
}

/// A system that speaks for its users, such as another chat.
package struct IntegrationSettings: Sendable, Hashable {
    package let id: Handle
    package let secrets: [Secret]
    package let workspace: String

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        secrets = try reader.secretFiles("secretFiles")
        workspace = try reader.vendorID("workspace")
        try WebhookSecret.check(secrets, reader)
    }
}

/// Mail over SMTP.
package struct MailSettings: Sendable, Hashable {
    package enum Security: String, Sendable, Hashable, CaseIterable {
        case starttls
        case tls
        case none
    }

    package let id: Handle
    package let host: String
    package let port: Int
    package let security: Security
    package let user: String?
    package let password: Secret?
    /// Certificates in PEM to trust instead of the system's, for a server of one's own.
    package let certificates: String?
    package let from: String
    package let recipients: [Post]
    package let checkpoints: String?
    package let alerts: AlertPost?

    init(_ id: Handle, _ reader: inout SettingsReader) throws {
        self.id = id
        let server = try reader.json.string("server")
        guard let colon = server.lastIndex(of: ":"),
            let port = Int(server[server.index(after: colon)...]), (1...65_535).contains(port),
            ChatAccount.isID(String(server[..<colon]))
        else { throw reader.error("server", "expected HOST:PORT") }
        host = String(server[..<colon])
        self.port = port
        security = try reader.json.choice("security", Security.self)
        user = try reader.optionalVendorID("user")
        password = try reader.optionalSecretFile("passwordFile")
        certificates = try reader.optionalFile("certificateFile")
        from = try reader.json.string("from")
        checkpoints = try reader.optionalVendorID("checkpoints")
        alerts = try reader.alerts()
        guard alerts.map({ MailAddress.isPlain($0.place) }) ?? true else {
            throw reader.error("drift", "expected an address such as oncall@example.org")
        }
        guard security != .none || ["127.0.0.1", "localhost", "::1"].contains(host) else {
            throw reader.error("security", "`none` only to this machine: use starttls or tls")
        }
        guard (user == nil) == (password == nil) else {
            throw reader.error("user", "`user` and `passwordFile` go together")
        }
        var recipients: [Post] = []
        for (position, element) in try reader.json.objects("recipients").enumerated() {
            var inner = SettingsReader(
                element, path: "\(reader.path).recipients[\(position)]", secret: reader.secret)
            recipients.append(
                Post(place: try inner.vendorID("address"), groups: try inner.groups()))
            try inner.json.finish()
        }
        self.recipients = recipients
        let addresses = recipients.map(\.place) + [checkpoints].compactMap(\.self)
        guard addresses.allSatisfy(MailAddress.isPlain) else {
            throw reader.error("recipients", "expected addresses such as oncall@example.org")
        }
        guard MailAddress(from) != nil else {
            throw reader.error("from", "expected an address, or `Name <address>`")
        }
    }
}
