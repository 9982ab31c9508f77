// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Which revision of the Model Context Protocol is spoken.
enum MCPRevision: String, Sendable, Hashable, CaseIterable {
    /// Sessions that begin with `initialize`.
    case session = "2025-11-25"
    /// Requests that stand for themselves, after `server/discover`.
    case stateless = "2026-07-28"

    /// What a server may answer that is asked for the first: revisions that differ in nothing that
    /// matters here.
    static let older = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
}

/// What a server says of itself and lists, as long as it is being asked.
///
/// Everything is asked twice, until two rounds agree: a server that shows a tool only after it has
/// been asked once is found, and so is a list that changes while its pages are read. Nothing but
/// lists is asked for, and no tool is ever called.
struct MCPListingMachine {
    /// What to do next.
    enum Step {
        /// Send this request and hand its response in.
        case ask(JSON)
        /// Send this notification.
        case tell(JSON)
        /// All is there.
        case done([MCPItem])
    }

    /// What is watched, and what was found of it.
    struct MCPItem: Sendable, Hashable {
        let subject: String
        let document: JSON
    }

    /// One of the lists of a server.
    private struct List {
        let method: String
        let member: String
        let name: String
        let prefix: String
        let capability: String
    }

    private static let lists = [
        List(
            method: "tools/list", member: "tools", name: "name", prefix: "tool:",
            capability: "tools"),
        List(
            method: "prompts/list", member: "prompts", name: "name", prefix: "prompt:",
            capability: "prompts"),
        List(
            method: "resources/list", member: "resources", name: "uri", prefix: "resource:",
            capability: "resources"),
        List(
            method: "resources/templates/list", member: "resourceTemplates", name: "uriTemplate",
            prefix: "resourceTemplate:", capability: "resources"),
    ]

    /// The most pages of a list, and the most entries of all lists.
    static let maximumPages = 200
    static let maximumItems = 10_000
    /// Rounds after which a server that never lists the same twice is given up.
    static let maximumRounds = 5

    private enum Stage {
        case opening, opened
        case listing(Int)
        case ended
    }

    private let revision: MCPRevision
    /// What the server speaks; that of the settings until it says so.
    private(set) var version: String
    private var stage = Stage.opening
    private var number = 0
    private var identity: JSON = .null
    private var capabilities: JSONObject = [:]
    private var cursor: String?
    private var cursors: Set<JSON> = []
    private var items: [MCPItem] = []
    private var before: [MCPItem]?
    private var round = 0

    init(_ revision: MCPRevision) {
        self.revision = revision
        version = revision.rawValue
    }

    /// What to send now.
    mutating func next() throws(CollectorFailure) -> Step {
        switch stage {
        case .opening: return .ask(request(revision == .session ? "initialize" : "server/discover"))
        case .opened:
            stage = .listing(0)
            guard revision == .session else { return try next() }
            return .tell(["jsonrpc": "2.0", "method": "notifications/initialized"])
        case .listing(let index) where index < Self.lists.count:
            return .ask(request(Self.lists[index].method))
        case .listing: return try endRound()
        case .ended: return .done(items)
        }
    }

    private mutating func endRound() throws(CollectorFailure) -> Step {
        items.append(MCPItem(subject: "server:identity", document: identity))
        // Order is no property of what is listed.
        items.sort { Subject.precedes($0.subject, $1.subject) }
        if let before, before == items {
            stage = .ended
            return .done(items)
        }
        round += 1
        guard round < Self.maximumRounds else {
            throw CollectorFailure(
                .changing, "the server does not list the same twice in \(round) rounds")
        }
        before = items
        items = []
        stage = .listing(0)
        return try next()
    }

    private mutating func request(_ method: String) -> JSON {
        number += 1
        var params: JSONObject = [:]
        let client: JSON = ["name": "exequatur-collector", "version": "1"]
        switch revision {
        case .session:
            if method == "initialize" {
                params = [
                    "capabilities": [:], "clientInfo": client,
                    "protocolVersion": .string(revision.rawValue),
                ]
            }
        case .stateless:
            params["_meta"] = [
                "io.modelcontextprotocol/clientCapabilities": [:],
                "io.modelcontextprotocol/clientInfo": client,
                "io.modelcontextprotocol/protocolVersion": .string(revision.rawValue),
            ]
        }
        if let cursor { params["cursor"] = .string(cursor) }
        var message: JSONObject = [
            "id": .int(number), "jsonrpc": "2.0", "method": .string(method),
        ]
        if !params.isEmpty { message["params"] = .object(params) }
        return .object(message)
    }

    /// Takes the response to the last request.
    /// - Throws: ``CollectorFailure`` where it is an error, or not what was asked for.
    mutating func take(_ response: JSON) throws(CollectorFailure) {
        let result = response["result"]
        if let kind = result?["resultType"], kind.stringValue != "complete" {
            throw CollectorFailure(
                .malformed, "the server wants more from its client, which is not given")
        }
        switch stage {
        case .opening:
            guard let result else { throw Self.failure("does not open", response) }
            try open(result)
            stage = .opened
        case .listing(let index):
            let list = Self.lists[index]
            if let result {
                try take(result, of: list)
            } else if cursor != nil || capabilities[list.capability] != nil {
                // A server that says it has these and does not list them hides something; many
                // have resources and no templates.
                let isAbsent = response["error"]?["code"]?.intValue == -32_601
                guard isAbsent, cursor == nil, list.member == "resourceTemplates" else {
                    throw Self.failure("does not answer `\(list.method)`", response)
                }
            }
            if cursor == nil {
                cursors = []
                stage = .listing(index + 1)
            }
        case .opened, .ended: break
        }
    }

    private static func failure(_ what: String, _ response: JSON) -> CollectorFailure {
        let message = response["error"]?["message"]?.stringValue ?? "no result"
        return CollectorFailure(
            .malformed, "the server \(what): \(ShownText.line(message))")
    }

    private mutating func open(_ result: JSON) throws(CollectorFailure) {
        var identity: JSONObject = [:]
        switch revision {
        case .session:
            guard let found = result["protocolVersion"]?.stringValue,
                MCPRevision.older.contains(where: { $0.utf8.elementsEqual(found.utf8) })
            else {
                throw CollectorFailure(
                    .malformed, "the server speaks another revision than \(revision.rawValue)")
            }
            version = found
            identity["protocol"] = .string(found)
            identity["server"] = result["serverInfo"]
        case .stateless:
            guard let versions = result["supportedVersions"]?.arrayValue,
                versions.contains(.string(revision.rawValue))
            else {
                throw CollectorFailure(
                    .malformed, "the server speaks another revision than \(revision.rawValue)")
            }
            identity["protocol"] = .array(versions)
            identity["server"] = result["_meta"]?["io.modelcontextprotocol/serverInfo"]
        }
        identity["capabilities"] = result["capabilities"]
        identity["instructions"] = result["instructions"]
        capabilities = result["capabilities"]?.objectValue ?? [:]
        self.identity = .object(identity)
    }

    private mutating func take(_ result: JSON, of list: List) throws(CollectorFailure) {
        guard let entries = result[list.member]?.arrayValue else {
            throw CollectorFailure(
                .malformed, "the answer to `\(list.method)` has no `\(list.member)`")
        }
        guard items.count + entries.count <= Self.maximumItems else {
            throw CollectorFailure(
                .tooLarge, "more than \(Self.maximumItems) tools, prompts and resources")
        }
        for entry in entries {
            guard let name = entry[list.name]?.stringValue else {
                throw CollectorFailure(
                    .malformed,
                    "an entry of `\(list.member)` without a `\(list.name)`: it can't be named")
            }
            items.append(MCPItem(subject: list.prefix + name, document: entry))
        }
        switch result["nextCursor"] {
        case nil, .null?: cursor = nil
        case .string(let text)?:
            guard cursors.insert(.string(text)).inserted, cursors.count < Self.maximumPages else {
                throw CollectorFailure(
                    .malformed,
                    "the pages of `\(list.method)` lead in a circle, or are more than "
                        + "\(Self.maximumPages)")
            }
            cursor = text
        default: throw CollectorFailure(.malformed, "a `nextCursor` that is no text")
        }
    }
}
