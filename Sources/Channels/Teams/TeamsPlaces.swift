// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// Where a conversation is: its service, and its id there.
struct TeamsPlace: Sendable, Hashable {
    let service: String
    let conversation: String

    init(service: String, conversation: String) {
        self.service = service
        self.conversation = conversation
    }

    init?(_ bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes), let service = json["service"]?.stringValue,
            let conversation = json["conversation"]?.stringValue
        else { return nil }
        self.init(service: service, conversation: conversation)
    }

    var bytes: [UInt8] {
        let json: JSON = [
            "conversation": .string(conversation), "service": .string(service),
        ]
        return (try? json.canonicalBytes()) ?? []
    }
}

/// What activities told of where people and conversations are.
///
/// Only from activities that the Bot Framework vouches for: the bot's token goes to these places.
/// And only what is needed: the accounts that are linked, the conversations that are configured,
/// and one service that is tried for those that were not heard of.
struct TeamsPlaces: Sendable {
    let settings: TeamsSettings

    private var prefix: String { "teams/\(settings.id)/" }
    private var serviceKey: String { prefix + "service" }

    private func key(person user: String) -> String { "\(prefix)person/\(user)" }
    private func key(place conversation: String) -> String { "\(prefix)place/\(conversation)" }

    /// The conversation with somebody, if he ever wrote to the bot or installed it.
    func personal(_ user: String, _ host: any ChannelHost) -> TeamsPlace? {
        place(key(person: user), host)
    }

    /// A configured conversation.
    func conversation(_ id: String, _ host: any ChannelHost) -> TeamsPlace {
        place(key(place: id), host)
            ?? TeamsPlace(service: anyService(host), conversation: id)
    }

    /// A service that knows this tenant, or the one that knows all.
    func anyService(_ host: any ChannelHost) -> String {
        if let known = place(serviceKey, host) { return known.service }
        let first = settings.serviceURLs[0]
        // The vendor's address for conversations whose region nobody knows.
        let standard = "https://smba.trafficmanager.net/"
        return first.utf8.elementsEqual(standard.utf8) ? standard + "teams/" : first
    }

    /// True for what the bot's token may be sent to.
    func allows(_ service: String) -> Bool {
        settings.serviceURLs.contains { service.utf8.starts(with: $0.utf8) }
    }

    private func place(_ key: String, _ host: any ChannelHost) -> TeamsPlace? {
        guard let note = try? host.note(key), let place = TeamsPlace(note.value),
            allows(place.service)
        else { return nil }
        return place
    }

    /// Notes where an activity came from, if that is news.
    func learn(_ sender: TeamsSender, _ host: any ChannelHost) async throws {
        let place = TeamsPlace(service: sender.service, conversation: sender.root)
        var notes: [ChannelNote] = []
        func note(_ key: String, ifNew known: TeamsPlace?) {
            guard known != place else { return }
            notes.append(ChannelNote(key: key, value: place.bytes))
        }
        if self.place(serviceKey, host) == nil {
            notes.append(ChannelNote(key: serviceKey, value: place.bytes))
        }
        if sender.isPersonal {
            if let account = sender.account, host.person(of: account) != nil {
                note(key(person: account.user), ifNew: personal(account.user, host))
            }
        } else if isConfigured(sender.root) {
            let key = key(place: sender.root)
            note(key, ifNew: self.place(key, host))
        }
        try await host.keep(notes, answering: [], merging: nil)
    }

    /// Forgets a conversation that the bot was taken out of.
    func forget(_ sender: TeamsSender, _ host: any ChannelHost) async throws {
        let gone = TeamsPlace(service: sender.service, conversation: sender.root)
        var removed: [String] = []
        if sender.isPersonal {
            if let account = sender.account, personal(account.user, host) == gone {
                removed = [key(person: account.user)]
            }
        } else if isConfigured(sender.root) {
            removed = [key(place: sender.root)]
        }
        try await host.forget(removed)
    }

    private func isConfigured(_ conversation: String) -> Bool {
        (settings.posts.map(\.place)
            + [settings.checkpoints, settings.alerts?.place].compactMap(\.self))
            .contains { $0.utf8.elementsEqual(conversation.utf8) }
    }
}
