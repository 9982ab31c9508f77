// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// How the channels of a server are set up: the member `channels` of its configuration file.
///
/// Secrets are never in the file; it names the files that hold them.
package enum ChannelSettings: Sendable, Hashable {
    case slack(SlackSettings)
    case teams(TeamsSettings)
    case workflow(WorkflowSettings)
    case webhook(WebhookSettings)
    case integration(IntegrationSettings)
    case mail(MailSettings)

    package var id: Handle {
        switch self {
        case .slack(let settings): settings.id
        case .teams(let settings): settings.id
        case .workflow(let settings): settings.id
        case .webhook(let settings): settings.id
        case .integration(let settings): settings.id
        case .mail(let settings): settings.id
        }
    }

    /// Channels that one server may have.
    package static let limit = 32

    /// Reads the configured channels.
    ///
    /// - Parameters:
    ///   - json: the array under `channels`.
    ///   - secret: gives the content of a file, without the newline at its end.
    /// - Returns: the channels, in their order.
    /// - Throws: where something is unknown, missing or out of range, with its place.
    package static func read(
        _ json: JSON, secret: @escaping (String) throws -> String
    ) throws -> [ChannelSettings] {
        guard let elements = json.arrayValue else {
            throw ChannelSettingsError("`channels`: expected an array")
        }
        guard elements.count <= limit else {
            throw ChannelSettingsError("`channels`: at most \(limit)")
        }
        var ids: Set<Handle> = []
        return try elements.enumerated().map { position, element in
            let path = "channels[\(position)]"
            var reader = SettingsReader(
                try JSONReader(element, path: path), path: path, secret: secret)
            let settings = try one(&reader)
            try reader.json.finish()
            guard ids.insert(settings.id).inserted else {
                throw ChannelSettingsError("`\(path).id`: `\(settings.id)` is there twice")
            }
            return settings
        }
    }

    private static func one(_ reader: inout SettingsReader) throws -> ChannelSettings {
        let id = try reader.id()
        let kind = try reader.json.string("kind")
        switch kind {
        case "slack": return .slack(try SlackSettings(id, &reader))
        case "teams": return .teams(try TeamsSettings(id, &reader))
        case "teams-workflow": return .workflow(try WorkflowSettings(id, &reader))
        case "webhook": return .webhook(try WebhookSettings(id, &reader))
        case "integration": return .integration(try IntegrationSettings(id, &reader))
        case "mail": return .mail(try MailSettings(id, &reader))
        default:
            throw reader.error(
                "kind",
                "`\(VisibleText.escape(kind))` is unknown: slack, teams, teams-workflow, "
                    + "webhook, integration or mail")
        }
    }
}

/// What is wrong with the configuration of the channels.
package struct ChannelSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A secret that is never printed.
package struct Secret: Sendable, Hashable, CustomStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }
    package var description: String { "(secret)" }
}

/// Where actions are posted, and which.
package struct Post: Sendable, Hashable {
    /// The vendor's id of the place.
    package let place: String
    /// Only what is asked of these groups; empty for all.
    package let groups: Set<Handle>
    /// Whether what is posted here may have buttons.
    package let buttons: Bool

    package init(place: String, groups: Set<Handle> = [], buttons: Bool = true) {
        self.place = place
        self.groups = groups
        self.buttons = buttons
    }

    /// A broken glass goes everywhere (DESIGN §8).
    func takes(_ notice: ReviewNotice) -> Bool {
        groups.isEmpty || notice.card.glass != nil || !groups.isDisjoint(with: notice.groups)
    }
}

/// Reads one channel, with the secrets that it names.
struct SettingsReader {
    var json: JSONReader
    let path: String
    let secret: (String) throws -> String

    init(_ json: JSONReader, path: String, secret: @escaping (String) throws -> String) {
        self.json = json
        self.path = path
        self.secret = secret
    }

    func error(_ key: String, _ message: String) -> ChannelSettingsError {
        ChannelSettingsError("`\(path).\(key)`: \(message)")
    }

    mutating func id() throws -> Handle { try json.handle("id") }

    mutating func groups(_ key: String = "groups") throws -> Set<Handle> {
        let texts = try json.optionalStrings(key) ?? []
        return Set(
            try texts.map { text in
                guard let group = Handle(text) else {
                    throw error(key, "`\(VisibleText.escape(text))` is not a group")
                }
                return group
            })
    }

    /// An id as a vendor gives it out.
    mutating func vendorID(_ key: String) throws -> String {
        let text = try json.string(key)
        guard ChatAccount.isID(text) else {
            throw error(key, "expected 1 to 128 printable characters without spaces")
        }
        return text
    }

    mutating func optionalVendorID(_ key: String) throws -> String? {
        guard json.optionalValue(key) != nil else { return nil }
        return try vendorID(key)
    }

    mutating func secretFile(_ key: String) throws -> Secret {
        try read(try json.string(key), key)
    }

    mutating func optionalSecretFile(_ key: String) throws -> Secret? {
        try json.optionalString(key).map { try read($0, key) }
    }

    mutating func secretFiles(_ key: String) throws -> [Secret] {
        let files = try json.strings(key)
        guard (1...4).contains(files.count) else { throw error(key, "1 to 4 files") }
        return try files.map { try read($0, key) }
    }

    /// The text of a file that is named.
    mutating func optionalFile(_ key: String) throws -> String? {
        guard let file = try json.optionalString(key) else { return nil }
        return try secret(file)
    }

    private func read(_ file: String, _ key: String) throws -> Secret {
        let text = try secret(file)
        guard !text.isEmpty, text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 > 0x1F }) else {
            throw error(key, "the file must hold one line")
        }
        return Secret(text)
    }

    /// An address that ends with `/`; without TLS only on this machine, because tokens go there.
    mutating func base(_ key: String, default standard: String) throws -> String {
        let text = try json.optionalString(key) ?? standard
        let whole = text.hasSuffix("/") ? text : text + "/"
        guard Self.isSafe(whole) else { throw error(key, Self.unsafe) }
        return whole
    }

    mutating func url(_ key: String, default standard: String? = nil) throws -> String {
        let text =
            if let standard { try json.optionalString(key) ?? standard } else {
                try json.string(key)
            }
        guard Self.isSafe(text) else { throw error(key, Self.unsafe) }
        return text
    }

    static let unsafe = "expected https://, or http:// on a loopback address"

    /// True for what tokens may be sent to.
    static func isSafe(_ url: String) -> Bool {
        guard url.utf8.count <= 2048, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        if url.hasPrefix("https://") { return url.utf8.count > 8 }
        return ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { host in
            guard url.hasPrefix(host) else { return false }
            let rest = url.dropFirst(host.count)
            return rest.isEmpty || rest.hasPrefix(":") || rest.hasPrefix("/")
        }
    }

    /// Where alerts of drift go, and from which severity on.
    mutating func alerts() throws -> AlertPost? {
        try alerts(at: try optionalVendorID("drift"))
    }

    mutating func alerts(at place: String?) throws -> AlertPost? {
        let text = try json.optionalString("driftSeverity")
        guard let place else {
            guard text == nil else { throw error("driftSeverity", "only together with `drift`") }
            return nil
        }
        guard let text else { return AlertPost(place: place) }
        guard let least = Severity(rawValue: text) else {
            throw error(
                "driftSeverity",
                "`\(VisibleText.escape(text))` is unknown: low, medium, high or critical")
        }
        return AlertPost(place: place, least: least)
    }

    mutating func posts(_ place: String) throws -> [Post] {
        let posts = try json.optionalObjects("posts") ?? []
        guard posts.count <= 100 else { throw error("posts", "at most 100") }
        return try posts.enumerated().map { position, element in
            let path = "\(self.path).posts[\(position)]"
            var reader = SettingsReader(element, path: path, secret: secret)
            let post = Post(
                place: try reader.vendorID(place), groups: try reader.groups(),
                buttons: try reader.json.optionalBool("buttons") ?? true)
            try reader.json.finish()
            return post
        }
    }
}
