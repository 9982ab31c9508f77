// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// What channels need of the service; nothing here decides anything but the service itself.
package protocol ChannelHost: Sendable {
    var now: Timestamp { get }
    /// Where people reach the console, without a slash at the end.
    var publicURL: String { get }
    /// The name of the log.
    var origin: String { get }

    // MARK: what there is to tell

    /// The notice of an action; nil if there is none, or nobody was asked about it.
    func notice(_ id: ActionID) throws -> ReviewNotice?
    /// Actions with news.
    func marks(after: ActionID?, limit: Int) throws -> [NoticeMark]
    /// Pending actions that a person may decide on, the most urgent first.
    func queue(of person: Handle, limit: Int) throws -> [ReviewCard]
    /// Entries of the ledger from an index on, as events for programs.
    func events(from index: UInt64, limit: Int) throws -> [LedgerEvent]
    /// The number of entries that are durable.
    var size: UInt64 { get }
    /// The latest signed checkpoint.
    var checkpoint: String { get }
    /// Alerts of drift that are still to be told to some channel, the oldest first.
    func driftAlerts(after key: String?, limit: Int) throws -> [DriftAlertText]
    /// One of them; nil once it is told everywhere, or too old.
    func driftAlert(_ key: String) throws -> DriftAlertText?
    /// Takes alerts away that every channel has.
    func forgetDriftAlerts(_ keys: [String]) async throws

    // MARK: notes of the channels

    func notes(_ prefix: String) throws -> [ChannelNote]
    func note(_ key: String) throws -> ChannelNote?
    /// Writes notes down and answers marks, in one durable write.
    ///
    /// - Parameters:
    ///   - notes: what to keep.
    ///   - marks: what is answered by it.
    ///   - merging: what becomes of a note that is there already and a new one; nil for the new one.
    /// - Returns: the notes as they were kept.
    /// - Throws: when the ledger takes nothing.
    @discardableResult
    func keep(
        _ notes: [ChannelNote], answering marks: [NoticeMark],
        merging: (@Sendable ([UInt8], [UInt8]) -> [UInt8])?
    ) async throws -> [ChannelNote]
    /// Takes notes away.
    func forget(_ keys: [String]) async throws

    // MARK: people

    func person(of account: ChatAccount) -> Handle?
    func account(of person: Handle, in channel: Handle) -> ChatAccount?
    func name(of person: Handle) -> String
    func link(
        _ account: ChatAccount, code: String, name: String?, audit: JSON
    ) async throws -> Handle
    /// Decides; returns once it is durable, or throws why it does not count.
    func decide(_ decision: ChatDecision, audit: JSON) async throws
    /// Why such a decision would not count, or nil.
    func obstacle(_ decision: ChatDecision) throws -> String?
    /// What an error is called to people.
    func describe(_ error: any Error) -> String
}

/// One entry of the ledger, as programs are told of it.
package struct LedgerEvent: Sendable, Hashable {
    package let index: UInt64
    package let kind: String
    package let at: Timestamp
    /// What goes out; no arguments, no reasons, nothing that may be erased.
    package let data: JSON

    package init(index: UInt64, kind: String, at: Timestamp, data: JSON) {
        self.index = index
        self.kind = kind
        self.at = at
        self.data = data
    }
}

/// A channel that shows cards.
package protocol CardChannel: Sendable {
    var id: Handle { get }
    var health: ChannelHealth { get }
    /// Asks the vendor whether all is well, and notes the answer.
    func check(now: Timestamp) async
    /// Places that should show an action, and how it stands with a person among them is theirs.
    func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String]
    /// Under which limit a message falls.
    func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace)
    /// Makes a place show the notice.
    func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult
    /// Sends the daily checkpoint, if it goes here.
    func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult
    /// Where alerts of drift go; nil where the channel is not told of them.
    var alerts: AlertPost? { get }
    /// Posts an alert of drift there.
    func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult
}

extension CardChannel {
    /// Nothing to ask: such a channel is only heard of when something is delivered.
    package func check(now: Timestamp) async {}

    /// How a person's own messages are called among the places.
    package static func personal(_ person: Handle) -> String { "@\(person)" }

    /// The person whose place this is, if it is one's.
    package static func person(_ target: String) -> Handle? {
        target.hasPrefix("@") ? Handle(String(target.dropFirst())) : nil
    }

    /// Posts that take the notice, those who may decide while it is open, those behind the request
    /// once there is something to tell them, and whoever was asked where the glass was broken.
    func targets(
        _ notice: ReviewNotice, posts: [Post], directMessages: Bool, _ host: any ChannelHost
    ) -> [String] {
        var result = posts.filter { $0.takes(notice) }.map(\.place)
        guard directMessages else { return result }
        let isOpen = notice.card.status == .pending
        let people = Set((isOpen ? notice.eligible : notice.requesters) + notice.witnesses).sorted()
        result += people.filter { host.account(of: $0, in: id) != nil }.map(Self.personal)
        return result
    }

    /// Whether a person's card stands with the account that is linked to him now.
    func isStillHis(_ target: String, user: String, _ host: any ChannelHost) -> Bool {
        guard let person = Self.person(target) else { return true }
        return host.account(of: person, in: id)?.user.utf8.elementsEqual(user.utf8) ?? false
    }

    /// Whether a place may have buttons: a post, or somebody who may still decide.
    func mayDecide(_ target: String, _ notice: ReviewNotice, posts: [Post]) -> Bool {
        guard let person = Self.person(target) else {
            return posts.contains { $0.place.utf8.elementsEqual(target.utf8) && $0.buttons }
        }
        return notice.eligible.contains(person) && !notice.deciders.contains(person)
    }
}
