// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// How much of a manifest is taken.
public struct ToolLimits: Sendable, Hashable {
    /// The number of tools; 1,000 unless set.
    public var maximumTools = 1_000
    /// The bytes of the name of a tool, a property or a definition; 512 unless set.
    public var maximumNameBytes = 512
    /// How deeply the schema of a tool may nest; 32 unless set.
    ///
    /// What is deeper becomes opaque, or is refused by the profile of cedar-for-agents.
    public var maximumDepth = 32
    /// The number of schemas inside each other and side by side in one manifest; 100,000 unless
    /// set.
    public var maximumSchemas = 100_000
    /// The number of parts of one type, definitions spelled out; 20,000 unless set.
    ///
    /// What is larger becomes opaque; ``SchemaLimits`` of the library allow more.
    public var maximumTypeSize = 20_000
    /// The number of notes that are kept; 1,000 unless set.
    public var maximumNotes = 1_000

    /// The default limits.
    public init() {}
}

/// Why a manifest has no schema, and where.
public struct ToolSchemaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of problem it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The manifest does not have the shape of one.
        case shape
        /// A name is empty, too long, or one that an action cannot be told by.
        case badName = "bad_name"
        /// Two tools have the same name, or two types would.
        case duplicate
        /// A schema says something that the profile has no words for.
        case unsupported
        /// The stub is not one.
        case badStub = "bad_stub"
        /// A limit of ``ToolLimits`` is passed.
        case limit
    }

    /// What kind of problem it is.
    public let kind: Kind
    /// Where it is in the manifest.
    public let pointer: JSONPointer
    /// One lowercase line: what is wrong and what to do, input in backticks.
    public let message: String

    init(_ kind: Kind, at tokens: [String], _ message: String) {
        self.kind = kind
        pointer = JSONPointer(tokens: tokens)
        self.message = message
    }

    /// The place and the message, in one line.
    public var description: String {
        "`\(Shown.text(pointer.description, limit: 256))`: \(message)"
    }
}
