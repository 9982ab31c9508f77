// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What a gate says of itself when it connects: how it is set up, and what can be done through it.
///
/// Both are enforcement logic: until an administrator has approved them, every action through the
/// gate is denied.
public struct GatePresentation: Sendable, Hashable {
    /// A tool with everything that its server says about it.
    public struct Tool: Sendable, Hashable {
        /// The tool's name, as it is in the names of actions.
        public let name: String
        /// The whole definition.
        public let definition: JSON

        /// Makes a tool.
        public init(name: String, definition: JSON) {
            self.name = name
            self.definition = definition
        }
    }

    /// An object with `kind`, `server`, `mode` and whatever else makes a difference.
    public let configuration: JSON
    /// The tools, at most 1,000, each name once.
    public let tools: [Tool]

    /// Makes a presentation.
    public init(configuration: JSON, tools: [Tool]) {
        self.configuration = configuration
        self.tools = tools
    }

    var json: JSON {
        [
            "configuration": configuration,
            "tools": .array(
                tools.map { ["definition": $0.definition, "name": .string($0.name)] }),
        ]
    }
}

/// How what a gate presented stands with the service.
public struct GateStanding: Sendable, Hashable {
    /// What an administrator has done about one tool.
    public enum ToolState: String, Sendable {
        /// This very definition is approved.
        case approved
        /// Nobody has approved a tool of that name.
        case new
        /// Another definition is approved.
        case changed
    }

    /// The gate's id.
    public let gate: String
    /// Digest of the whole presentation: what an administrator gives back to approve it.
    public let digest: String
    /// Digest of the configuration, which every submission names.
    public let configurationDigest: String
    /// Whether the configuration is approved.
    public let isConfigurationApproved: Bool
    /// The tools that were presented, as they stand.
    public let tools: [Tool]
    /// The same by the bytes of their names.
    private let byName: [[UInt8]: Tool]

    /// A tool that was presented.
    public struct Tool: Sendable, Hashable {
        /// The tool's name.
        public let name: String
        /// SHA-256 of the definition's canonical form.
        public let digest: Hash256
        /// Whether it may be called.
        public let state: ToolState
    }

    /// Whether nothing waits for an administrator.
    public var isApproved: Bool {
        isConfigurationApproved && tools.allSatisfy { $0.state == .approved }
    }

    /// How the tool of that name stands, compared byte for byte.
    public func tool(named name: String) -> Tool? { byName[Array(name.utf8)] }

    /// Reads the service's answer; what is missing or unknown counts as not approved.
    init(_ json: JSON) throws(GateFailure) {
        guard let gate = json["gate"]?.stringValue, let digest = json["digest"]?.stringValue,
            let configuration = json["configurationDigest"]?.stringValue,
            Hash256(hex: configuration) != nil
        else {
            throw .unavailable("the answer does not say how the gate stands: update the server")
        }
        self.gate = gate
        self.digest = digest
        configurationDigest = configuration
        isConfigurationApproved =
            json["configuration"]?.stringValue?.utf8.elementsEqual("approved".utf8) ?? false
        var tools: [Tool] = []
        for tool in json["tools"]?.arrayValue ?? [] {
            guard let name = tool["name"]?.stringValue,
                let digest = tool["digest"]?.stringValue.flatMap(Hash256.init(hex:))
            else { continue }
            let state = tool["state"]?.stringValue.flatMap(ToolState.init(rawValue:))
            tools.append(Tool(name: name, digest: digest, state: state ?? .new))
        }
        self.tools = tools
        byName = Dictionary(tools.map { (Array($0.name.utf8), $0) }) { first, _ in first }
    }
}

/// How a gate presents itself to the service.
public struct GateRegistrar: Sendable {
    private let client: GateClient

    /// Makes a registrar.
    /// - Parameters:
    ///   - transport: speaks as the gate itself, not as a requester.
    ///   - effects: time and chance.
    ///   - state: the gate's directory.
    ///   - fingerprint: the log key that the gate's token names.
    public init(
        transport: any GateTransport, effects: GateEffects, state: GateState, fingerprint: String
    ) {
        client = GateClient(
            transport: transport, effects: effects, state: state, fingerprint: fingerprint)
    }

    /// Presents the gate and learns how it stands.
    /// - Throws: ``GateFailure``.
    public func present(
        _ presentation: GatePresentation
    ) async throws(GateFailure)
        -> GateStanding
    {
        let request = GateRequest(
            .post, "/v1/gates/self/configuration", body: presentation.json, timeout: .seconds(20))
        switch await client.exchange(request) {
        case .answer(let answer) where answer.status == 200:
            guard let json = GateClient.json(answer) else { throw GateClient.notOurs }
            return try GateStanding(json)
        case .answer(let answer): throw .refused(GateClient.problem(answer))
        case .notNow(let why, _): throw .unavailable(why)
        }
    }
}

extension GateClient {
    /// Actions through this gate that policy can never allow this requester.
    ///
    /// Sound and not complete: what is not named may still be denied.
    /// - Throws: ``GateFailure``.
    public func neverAllowed() async throws(GateFailure) -> [String] {
        switch await exchange(GateRequest(.get, "/v1/gates/self/actions")) {
        case .answer(let answer) where answer.status == 200:
            guard let json = Self.json(answer), let names = json["never"]?.arrayValue else {
                throw Self.notOurs
            }
            return names.compactMap(\.stringValue)
        case .answer(let answer): throw .refused(Self.problem(answer))
        case .notNow(let why, _): throw .unavailable(why)
        }
    }

    /// Whose credential the transport carries.
    /// - Throws: ``GateFailure``, ``GateFailure/Kind/refused`` when the service does not know it.
    public func holder() async throws(GateFailure) -> (kind: String, id: String) {
        switch await exchange(GateRequest(.get, "/v1/whoami")) {
        case .answer(let answer) where answer.status == 200:
            guard let json = Self.json(answer), let kind = json["kind"]?.stringValue,
                let id = json["id"]?.stringValue
            else { throw Self.notOurs }
            return (kind, id)
        case .answer(let answer): throw .refused(Self.problem(answer))
        case .notNow(let why, _): throw .unavailable(why)
        }
    }
}
