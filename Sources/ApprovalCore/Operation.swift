// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What is to be executed: action name, resource, input.
///
/// Frozen by the gate.
///
/// Its SHA-256 over the RFC 8785 form is the operation digest: two gates that freeze the same
/// operation get the same digest, and a byte that differs gives another one.
package struct Operation: Sendable, Hashable {
    /// Dotted name, such as `command.run`; the part before the first dot is its action group.
    package let action: String
    package let resourceType: String
    package let resourceID: String
    package let input: JSONObject
    /// SHA-256 of the definition of the tool that is called, as its server lists it; nil where
    /// the action calls none.
    package let definition: Hash256?
    /// What it says it will change; drift detection explains changes by these and nothing else.
    package let effects: [DeclaredEffect]
    /// What it was made against; nil where nothing is said.
    package let target: DeclaredTarget?

    /// Whether it says what it was made against; a repair always does.
    var namesTarget: Bool { target != nil || action.utf8.elementsEqual("drift.remediate".utf8) }

    /// True for what changes this server's own rules, which chats never decide.
    package var isGovernance: Bool { action.utf8.starts(with: "exequatur.".utf8) }

    package init(
        action: String, resourceType: String, resourceID: String, input: JSONObject,
        definition: Hash256? = nil, effects: [DeclaredEffect] = [],
        target: DeclaredTarget? = nil
    ) throws(OperationError) {
        guard Self.isName(action, allowing: [0x2E, 0x5F, 0x2D, 0x3A]) else {
            throw OperationError(
                "`action`: `\(VisibleText.escape(action))` is not a name of "
                    + "at most 256 letters, digits and `. _ - :`")
        }
        guard Self.isName(resourceType, allowing: [0x5F, 0x3A]) else {
            throw OperationError(
                "`resource.type`: `\(VisibleText.escape(resourceType))` is "
                    + "not a type name")
        }
        guard !resourceID.isEmpty, resourceID.utf8.count <= 1024 else {
            throw OperationError("`resource.id`: must have 1 to 1,024 bytes")
        }
        guard effects.count <= Limits.effects else {
            throw OperationError("`effects`: at most \(Limits.effects)")
        }
        self.effects = effects
        self.target = target
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.input = input
        self.definition = definition
    }

    package init(_ json: JSON, path: String = "operation") throws {
        var reader = try JSONReader(json, path: path)
        let action = try reader.string("action")
        var resource = try reader.object("resource")
        let type = try resource.string("type")
        let id = try resource.string("id")
        try resource.finish()
        let value = try reader.value("input")
        guard case .object(let input) = value else {
            throw OperationError("`\(path).input`: expected an object")
        }
        let definition = try Self.definition(reader.optionalValue("definition"), path)
        let effects = try (reader.optionalArray("effects") ?? []).enumerated().map {
            try DeclaredEffect($0.element, path: "\(path).effects[\($0.offset)]")
        }
        let target = try reader.optionalValue("target").map {
            try DeclaredTarget(try JSONReader($0, path: "\(path).target"))
        }
        try reader.finish()
        try self.init(
            action: action, resourceType: type, resourceID: id, input: input,
            definition: definition, effects: effects, target: target)
    }

    private static func definition(_ json: JSON?, _ path: String) throws -> Hash256? {
        guard let json else { return nil }
        guard let text = json.stringValue, text.hasPrefix(hashPrefix),
            let hash = Hash256(hex: String(text.dropFirst(hashPrefix.count)))
        else {
            throw OperationError(
                "`\(path).definition`: expected `sha256:` and 64 lower-case hex digits")
        }
        return hash
    }

    private static let hashPrefix = "sha256:"

    package var json: JSON {
        var object: JSONObject = [
            "action": .string(action), "input": .object(input),
            "resource": ["id": .string(resourceID), "type": .string(resourceType)],
        ]
        if let definition { object["definition"] = .string(Self.hashPrefix + definition.hex) }
        if !effects.isEmpty { object["effects"] = .array(effects.map(\.json)) }
        if let target { object["target"] = target.json }
        return .object(object)
    }

    /// The action group in which policies find this action: `command` for `command.run`.
    package var group: String? {
        guard let dot = action.utf8.firstIndex(of: 0x2E), dot != action.startIndex else {
            return nil
        }
        return String(action[..<dot])
    }

    /// The canonical form, whose SHA-256 is the operation digest.
    ///
    /// Throws `CanonicalizationError` for a number that RFC 8785 would round.
    package func canonicalBytes() throws -> [UInt8] {
        var writer = CanonicalWriter(capacity: 1024)
        writer.beginObject()
        writer.key("action")
        writer.string(action)
        if let definition {
            writer.key("definition")
            writer.string(Self.hashPrefix + definition.hex)
        }
        if !effects.isEmpty {
            writer.key("effects")
            try writer.value(.array(effects.map(\.json)))
        }
        writer.key("input")
        try writer.value(.object(input))
        writer.key("resource")
        writer.beginObject()
        writer.key("id")
        writer.string(resourceID)
        writer.key("type")
        writer.string(resourceType)
        writer.endObject()
        if let target {
            writer.key("target")
            try writer.value(target.json)
        }
        writer.endObject()
        return writer.bytes
    }

    /// SHA-256 of the canonical form.
    package func digest() throws -> Hash256 { .sha256(try canonicalBytes()) }

    private static func isName(_ text: String, allowing extra: [UInt8]) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= 256,
            (first | 0x20) >= 0x61, (first | 0x20) <= 0x7A
        else { return false }
        return bytes.allSatisfy { byte in
            let lower = byte | 0x20
            return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                || extra.contains(byte)
        }
    }
}

/// A frozen operation that can't be taken as it is; the message says where and why.
package struct OperationError: Error, CustomStringConvertible, Sendable {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The agent's own words about why; shown as a claim, never trusted.
package struct Intent: Sendable, Hashable {
    package struct Trigger: Sendable, Hashable {
        /// `prompt`, `schedule`, `pipeline`, `drift` or another short word.
        package let kind: String
        package let id: String
        package let parent: String?
    }

    package let justification: String?
    package let trigger: Trigger?

    package static let none = Intent(justification: nil, trigger: nil)

    package init(justification: String?, trigger: Trigger?) {
        self.justification = justification
        self.trigger = trigger
    }

    package init(_ json: JSON, path: String = "intent") throws {
        var reader = try JSONReader(json, path: path)
        justification = try reader.optionalString("justification")
        if var inner = try reader.optionalObject("trigger") {
            trigger = Trigger(
                kind: try inner.string("kind"), id: try inner.string("id"),
                parent: try inner.optionalString("parent"))
            try inner.finish()
        } else {
            trigger = nil
        }
        try reader.finish()
        let long = [justification, trigger?.kind, trigger?.id, trigger?.parent].contains {
            ($0?.utf8.count ?? 0) > Limits.reasonBytes
        }
        guard !long else {
            throw OperationError("`\(path)`: texts have at most \(Limits.reasonBytes) bytes")
        }
    }

    package var json: JSON {
        var object = JSONObject()
        if let justification { object["justification"] = .string(justification) }
        if let trigger {
            var inner: JSONObject = ["id": .string(trigger.id), "kind": .string(trigger.kind)]
            if let parent = trigger.parent { inner["parent"] = .string(parent) }
            object["trigger"] = .object(inner)
        }
        return .object(object)
    }
}

/// Who asks, as authenticated: the agent, its owner, the person it acts for, its credential.
///
/// A person asks for himself where a change of this server's own rules is asked for: then he is
/// `agent` and `owner` in one, which no agent can be, for they share one name space.
package struct Requester: Sendable, Hashable {
    package let agent: Handle
    package let owner: Handle
    package let onBehalfOf: Handle?
    package let credential: String
    /// Persons besides its holder who have seen the credential; noted once the installation is
    /// sealed, and from then on they can't decide (DESIGN §4.5).
    package let shownTo: [Handle]

    package init(
        agent: Handle, owner: Handle, onBehalfOf: Handle?, credential: String,
        shownTo: [Handle] = []
    ) {
        self.agent = agent
        self.owner = owner
        self.onBehalfOf = onBehalfOf
        self.credential = credential
        self.shownTo = shownTo.sorted()
    }

    /// A person who asks for himself.
    package init(person: Handle, credential: String) {
        self.init(agent: person, owner: person, onBehalfOf: nil, credential: credential)
    }

    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        agent = try reader.handle("agent")
        owner = try reader.handle("owner")
        onBehalfOf = try reader.optionalHandle("onBehalfOf")
        credential = try reader.string("credential")
        shownTo = try (reader.optionalStrings("shownTo") ?? []).map { text in
            guard let handle = Handle(text) else {
                throw CoreError("`\(path).shownTo`: not a handle")
            }
            return handle
        }
        try reader.finish()
    }

    /// True where a person asks for himself.
    package var isPerson: Bool { agent == owner }

    /// Persons who may never decide on this requester's actions (DESIGN §4.5).
    package var chain: Set<Handle> {
        var persons: Set<Handle> = [owner]
        if let onBehalfOf { persons.insert(onBehalfOf) }
        return persons
    }
}

/// The enforcement point that submitted; only it may claim and report.
package struct GateReference: Sendable, Hashable {
    package let id: Handle
    /// False where the gate has no credential of its own: what it reports is only a claim.
    package let enforcing: Bool
    /// SHA-256 of the configuration with which the gate works; nil where it presents none.
    package let configuration: Hash256?

    package init(id: Handle, enforcing: Bool, configuration: Hash256? = nil) {
        self.id = id
        self.enforcing = enforcing
        self.configuration = configuration
    }

    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        id = try reader.handle("id")
        enforcing = try reader.bool("enforcing")
        configuration = try reader.hashIfPresent("configuration")
        try reader.finish()
    }

    package var json: JSON {
        var object: JSONObject = ["enforcing": .bool(enforcing), "id": .string(id.text)]
        if let configuration { object["configuration"] = .string(configuration.hex) }
        return .object(object)
    }
}

/// One request to execute an operation; its digest names it everywhere from now on.
package struct Action: Sendable, Hashable {
    package let id: ActionID
    /// 32 random bytes of the server: no two actions share a digest, and nobody can guess one.
    package let nonce: Hash256
    package let operation: Operation
    package let operationDigest: Hash256
    package let intent: Intent
    package let requester: Requester
    package let gate: GateReference
    /// Derived by the server's analysers from the frozen input, never taken from the client.
    package let facts: JSON
    /// The canonical bytes, kept so that nothing is ever serialised twice.
    package let canonical: [UInt8]
    /// SHA-256 of `canonical`.
    package let digest: Hash256

    package init(
        id: ActionID, nonce: Hash256, operation: Operation, intent: Intent,
        requester: Requester, gate: GateReference, facts: JSON
    ) throws {
        self.id = id
        self.nonce = nonce
        self.operation = operation
        self.intent = intent
        self.requester = requester
        self.gate = gate
        self.facts = facts
        let frozen = try operation.canonicalBytes()
        operationDigest = .sha256(frozen)
        var writer = CanonicalWriter(capacity: frozen.count + 1024)
        writer.beginObject()
        writer.key("facts")
        try writer.value(facts)
        writer.key("gate")
        writer.gate(gate)
        writer.key("id")
        writer.string(id.text)
        writer.key("intent")
        try writer.value(intent.json)
        writer.key("nonce")
        writer.hash(nonce)
        writer.key("operation")
        writer.raw(frozen)
        writer.key("requester")
        writer.requester(requester)
        writer.key("v")
        writer.int(1)
        writer.endObject()
        canonical = writer.bytes
        guard canonical.count <= Limits.actionBytes else {
            throw OperationError(
                "the action has \(canonical.count) bytes; the limit is "
                    + "\(Limits.actionBytes)")
        }
        digest = .sha256(canonical)
    }

    /// Reads a stored action; refuses unknown members.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "action")
        guard try reader.int("v") == 1, let id = ActionID(try reader.string("id")),
            let nonce = Hash256(hex: try reader.string("nonce"))
        else { throw OperationError("`action`: unknown version, id or nonce") }
        let operation = try Operation(try reader.value("operation"), path: "action.operation")
        let intent = try Intent(try reader.value("intent"), path: "action.intent")
        let requester = try Requester(
            try reader.value("requester"), path: "action.requester")
        let gate = try GateReference(try reader.value("gate"), path: "action.gate")
        let facts = try reader.value("facts")
        try reader.finish()
        try self.init(
            id: id, nonce: nonce, operation: operation, intent: intent, requester: requester,
            gate: gate, facts: facts)
    }
}
