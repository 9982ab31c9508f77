// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// Who an activity is from, and where it was done.
struct TeamsSender: Sendable {
    /// By the object id in the tenant's directory; nil for what is no account there.
    let account: ChatAccount?
    /// The id by which the bot knows him, `29:…`.
    let user: String
    let name: String?
    let service: String
    let conversation: String
    /// The conversation without the message that begins its thread.
    let root: String
    /// The team, where members are asked for.
    let team: String?
    let isPersonal: Bool
    /// The id by which the bot knows itself, `28:…`.
    let bot: String?

    init?(_ activity: JSON, _ settings: TeamsSettings) {
        guard let service = activity["serviceUrl"]?.stringValue,
            let conversation = activity["conversation"]?["id"]?.stringValue,
            Self.isID(conversation)
        else { return nil }
        self.service = service
        self.conversation = conversation
        root = String(conversation.prefix { $0 != ";" })
        let from = activity["from"]
        user = from?["id"]?.stringValue.flatMap { Self.isID($0) ? $0 : nil } ?? ""
        name = from?["name"]?.stringValue
        account = from?["aadObjectId"]?.stringValue.flatMap {
            ChatAccount(channel: settings.id, workspace: settings.tenant, user: $0)
        }
        team = activity["channelData"]?["team"]?["id"]?.stringValue.flatMap {
            Self.isID($0) ? $0 : nil
        }
        isPersonal =
            activity["conversation"]?["conversationType"]?.stringValue?.utf8
            .elementsEqual("personal".utf8) ?? false
        bot = activity["recipient"]?["id"]?.stringValue
    }

    private static func isID(_ text: String) -> Bool {
        (1...TeamsLimits.conversationBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
