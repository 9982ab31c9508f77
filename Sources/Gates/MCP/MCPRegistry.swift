// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

/// Asks a server for its tools, in the middle of a session that it has with a client.
protocol MCPToolSource: Sendable {
    /// All tools, every page of them.
    /// - Parameter version: what the client's request names; nil before 2026-07-28.
    /// - Returns: the tools that can be named.
    /// - Throws: ``MCPRefusal`` where the server does not list them.
    func tools(version: String?) async throws(MCPRefusal) -> [MCPTool]
}

/// The tools behind one gate, and how they stand with the service.
///
/// Definitions are those that the server gave last. It is asked again when it says that they
/// changed, and once a minute in any case: what it changes without a word is noticed then.
actor MCPRegistry {
    private let server: String
    private let configuration: JSON
    /// Nil where the gate has no credential of its own: nothing is pinned then.
    private let registrar: GateRegistrar?
    private let effects: GateEffects
    private let note: @Sendable (String) -> Void

    /// By the bytes of their names: what only looks the same is another tool.
    private var tools: [[UInt8]: MCPTool] = [:]
    private var listed: Duration?
    /// Counts what the server said about changes.
    private var generation: UInt64 = 0
    private var standing: GateStanding?
    private var presented: [[UInt8]: Hash256]?
    private var presentedAt: Duration?
    private var failure: GateFailure?
    private var lastNote: String?

    private static let listingAge = Duration.seconds(60)
    /// How soon after an answer that holds something back the service is asked again.
    private static let askingAge = Duration.seconds(1)
    /// How soon in any case, so that a withdrawn approval shows in lists too.
    private static let standingAge = Duration.seconds(30)

    init(
        server: String, configuration: JSON, registrar: GateRegistrar?, effects: GateEffects,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.server = server
        self.configuration = configuration
        self.registrar = registrar
        self.effects = effects
        self.note = note
    }

    /// The server said that its tools changed; a list that is under way may be from before.
    func forget() {
        listed = nil
        generation += 1
    }

    /// Takes over a list that the server gave, complete, and presents it where that is due; nothing
    /// of one that is out of date by the time.
    func learn(_ list: [MCPTool], unless isOld: @Sendable () -> Bool) async {
        if !isOld() { take(list) }
        await present()
    }

    private func take(_ list: [MCPTool]) {
        tools = Dictionary(
            MCPToolPage.unique(list).prefix(1_000).map { (Array($0.name.utf8), $0) }
        ) { first, _ in first }
        listed = effects.now()
    }

    /// Makes sure that definitions and standing are no older than they may be.
    func refresh(_ source: some MCPToolSource, version: String?) async throws(MCPRefusal) {
        if listed.map({ effects.now() - $0 >= Self.listingAge }) ?? true {
            let asked = generation
            take(try await source.tools(version: version))
            if asked != generation { listed = nil }
        }
        await present()
    }

    /// Presents what is there, unless the service knows it already.
    private func present() async {
        guard let registrar else { return }
        let digests = tools.mapValues(\.digest)
        if let presented, presented == digests, let presentedAt {
            let age = effects.now() - presentedAt
            let isDone = standing?.isApproved ?? false
            if age < (isDone ? Self.standingAge : Self.askingAge) { return }
        }
        let presentation = GatePresentation(
            configuration: configuration,
            tools: tools.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
                .map { GatePresentation.Tool(name: $0.name, definition: $0.definition) })
        do throws(GateFailure) {
            let answer = try await registrar.present(presentation)
            standing = answer
            failure = nil
            say(answer)
        } catch {
            // What was approved before stays known; the service decides each call anyway.
            failure = error
            say("cannot present itself: \(error.description)")
        }
        presented = digests
        presentedAt = effects.now()
    }

    private func say(_ standing: GateStanding) {
        guard !standing.isApproved else { return say("its configuration and tools are approved") }
        let waiting = standing.tools.filter { $0.state != .approved }.map(\.name)
        let what =
            standing.isConfigurationApproved ? "" : "its configuration is not approved; "
        let names = waiting.prefix(5).joined(separator: ", ") + (waiting.count > 5 ? ", …" : "")
        say(
            what + (waiting.isEmpty ? "" : "not approved are the tools \(names); ")
                + "an administrator looks at them with `exequatur gate configuration "
                + "\(standing.gate)` and approves them with `exequatur gate approve "
                + "\(standing.gate) --expect \(standing.digest.prefix(16))`")
    }

    private func say(_ text: String) {
        guard lastNote != text else { return }
        lastNote = text
        note("gate for `\(server)`: \(text)")
    }

    /// The configuration that submissions name; nil only of a gate without a credential.
    ///
    /// An enforcing gate that could never present itself must not pass for one that has nothing to
    /// present: the service would judge its actions by policy alone.
    /// - Throws: ``GateFailure`` then.
    func configurationDigest() throws(GateFailure) -> String? {
        guard registrar != nil else { return nil }
        guard let standing else {
            throw .unavailable(
                "the gate could not present its configuration and tools"
                    + (failure.map { ": \($0.description)" } ?? ""))
        }
        return standing.configurationDigest
    }

    /// The tool of that name; nil where the server has none.
    func tool(_ name: String) -> MCPTool? { tools[Array(name.utf8)] }

    /// The definitions that may be seen.
    func approved() -> Set<MCPTool> { Set(tools.values.filter(isApproved)) }

    private func isApproved(_ tool: MCPTool) -> Bool {
        guard registrar != nil else { return true }
        guard let standing, standing.isConfigurationApproved,
            let known = standing.tool(named: tool.name)
        else { return false }
        return known.state == .approved && known.digest == tool.digest
    }
}
