// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// One account in a chat system, by the ids that its vendor gives out and never reuses.
///
/// Never by a name or an address: those can be changed by their holder. Compared as bytes.
package struct ChatAccount: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The configured channel that it belongs to, such as `slack`.
    package let channel: Handle
    /// Slack's team, Teams' tenant, or what an integration calls its own.
    package let workspace: String
    package let user: String

    /// Makes one; nil unless both ids are 1 to 128 printable ASCII characters without spaces.
    package init?(channel: Handle, workspace: String, user: String) {
        guard Self.isID(workspace), Self.isID(user) else { return nil }
        self.channel = channel
        self.workspace = workspace
        self.user = user
    }

    /// True for an id that a vendor may give out.
    package static func isID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let channel = try reader.handle("channel")
        let workspace = try reader.string("workspace")
        let user = try reader.string("user")
        try reader.finish()
        guard let account = ChatAccount(channel: channel, workspace: workspace, user: user) else {
            throw CoreError("`\(path)`: not the ids of an account")
        }
        self = account
    }

    package var json: JSON {
        [
            "channel": .string(channel.text), "user": .string(user),
            "workspace": .string(workspace),
        ]
    }

    package static func < (a: ChatAccount, b: ChatAccount) -> Bool {
        guard a.channel == b.channel else { return a.channel < b.channel }
        for (one, other) in [(a.workspace, b.workspace), (a.user, b.user)]
        where !one.utf8.elementsEqual(other.utf8) {
            return one.utf8.lexicographicallyPrecedes(other.utf8)
        }
        return false
    }

    package var description: String { "\(channel)/\(workspace)/\(user)" }
}
