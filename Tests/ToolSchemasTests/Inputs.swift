// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing
import ToolSchemas

/// A schema whose only tool has the input of a test, and what becomes of JSON for it.
struct Inputs {
    static let action = EntityUID(type: "Action", id: "tool")

    static let declarations = """
        entity Group;
        entity Agent in [Group];
        entity Person in [Group];
        entity McpServer;
        entity Opaque;
        entity Color enum ["red", "green", "\u{E9}"];
        entity Doc = { owner: Agent, pages?: Long };
        entity Bag tags Long;
        entity Tree tags Tree;
        entity Both = { a: Long } tags String;
        """

    let schema: Schema
    let type: CedarType
    var options = TypedInput.Options()

    init(_ input: String) throws {
        schema = try Schema(
            parsing: """
                \(Self.declarations)
                action "tool" appliesTo {
                    principal: [Agent], resource: [McpServer], context: { input: \(input) }
                };
                """)
        type = try #require(schema.inputType(of: Self.action))
    }

    func convert(_ json: JSON) throws(TypedInputError) -> TypedInput {
        try TypedInput.convert(json, to: type, in: schema, options: options)
    }

    /// The value in Cedar syntax, or the kind and place of the error.
    func outcome(_ text: String) throws -> String {
        let json = try JSON(parsing: text, limits: .files)
        do throws(TypedInputError) {
            return try convert(json).value.description
        } catch {
            return "\(error.kind.rawValue) at \(error.pointer)"
        }
    }

    /// Validates what came out like the request and the entities that it is for.
    func validate(_ input: TypedInput) throws {
        try schema.validate(
            Request(
                principal: EntityUID(type: "Agent", id: "a"), action: Self.action,
                resource: EntityUID(type: "McpServer", id: "m"),
                context: ["input": input.value]))
        for entity in input.entities { try schema.validate(entity) }
        _ = try Entities(input.entities, schema: schema)
    }
}

/// One row of a table: JSON and what becomes of it.
struct Row: CustomTestStringConvertible {
    let type: String
    let json: String
    let outcome: String

    init(_ type: String, _ json: String, _ outcome: String) {
        self.type = type
        self.json = json
        self.outcome = outcome
    }

    var testDescription: String { "\(type) from \(json)" }
}
