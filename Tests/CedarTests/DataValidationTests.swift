// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing

@Suite struct DataValidationTests {
    private static let text = """
        entity Group in [Group]; entity Bare;
        entity User in [Group] {
          name: String, seen: datetime, boss?: User, home: { city: String, zip?: Long },
          nets: Set<ipaddr>,
        } tags decimal;
        entity Color enum ["red"];
        action all; action read in all;
        action view in read appliesTo {
          principal: User, resource: Group, context: { boss: User, limit?: decimal, color: Color }
        };
        """

    private func entities(_ text: String) throws -> Entities {
        try Entities(json: JSON(parsing: text), schema: Schema(parsing: Self.text))
    }

    private static let attributes =
        #""name":"a","seen":"2024-01-01","home":{"city":"Ulm"},"nets":["10.0.0.0/8"]"#

    private func user(_ members: String, parents: String = "", tags: String = "") -> String {
        #"[{"uid":{"type":"User","id":"a"},"attrs":{\#(members)},"parents":[\#(parents)],"#
            + #""tags":{\#(tags)}}]"#
    }

    @Test func schemaSaysWhatValuesAre() throws {
        let entities = try entities(
            user(
                Self.attributes + #","boss":{"type":"User","id":"b"}"#,
                parents: #"{"type":"Group","id":"g"}"#, tags: #""rate":"1.5""#))
        let alice = EntityUID(type: "User", id: "a")
        let entity = try #require(entities[alice])
        #expect(entity.attributes["boss"] == .entity(EntityUID(type: "User", id: "b")))
        #expect(entity.attributes["seen"]?.type == .datetime)
        #expect(entity.tags["rate"]?.type == .decimal)
        // Actions come from the schema, with everything they are in.
        let view = EntityUID(type: "Action", id: "view")
        #expect(entities.isEntity(view, in: EntityUID(type: "Action", id: "all")))
        #expect(entities.count == 4)
        let explicit = #"{"__extn":{"fn":"offset","args":["2024-01-01","1d"]}}"#
        let later = user(Self.attributes.replacing(#""2024-01-01""#, with: explicit))
        #expect(try self.entities(later)[alice]?.attributes["seen"]?.type == .datetime)
    }

    @Test(arguments: [
        (
            #""name":1"#,
            "attribute `name` of `User::\"a\"`: type mismatch: expected `String`, found long"
        ),
        (#""extra":1"#, "the schema declares no such attribute"),
        (#""seen":"soon""#, "is not a datetime"), (#""nets":{}"#, "expected an array"),
        (
            #""home":{"city":"Ulm","zip":"x"}"#,
            "type mismatch at `zip`: expected `Long`, found string"
        ),
        (#""home":{}"#, "lacks the attribute `city`"), (#""boss":"b""#, "expected an object"),
        (#""boss":{"type":"Group","id":"b"}"#, "expected `User`, found entity"),
    ]) func wrongAttributes(_ member: String, _ message: String) throws {
        let key = member.prefix { $0 != ":" }
        let parts = ["name", "seen", "home", "nets"].filter { !key.contains($0) }.map { name in
            switch name {
            case "name": #""name":"a""#
            case "seen": #""seen":"2024-01-01""#
            case "home": #""home":{"city":"Ulm"}"#
            default: #""nets":["10.0.0.0/8"]"#
            }
        }
        let text = user((parts + [member]).joined(separator: ","))
        let error = try #require(throws: EntitiesError.self) { try entities(text) }
        #expect(error.message.contains(message), "\(error)")
    }

    @Test func wrongEntities() throws {
        for (text, kind) in [
            (user(Self.attributes, parents: #"{"type":"Color","id":"red"}"#), "invalidParent"),
            (
                #"[{"uid":{"type":"Color","id":"green"},"attrs":{},"parents":[]}]"#,
                "invalidEnumEntity"
            ),
            (
                #"[{"uid":{"type":"Action","id":"view"},"attrs":{},"parents":[]}]"#,
                "actionDeclarationMismatch"
            ),
            (
                #"[{"uid":{"type":"Action","id":"none"},"attrs":{},"parents":[]}]"#,
                "undeclaredAction"
            ),
        ] {
            let error = try #require(throws: EntitiesError.self) { try entities(text) }
            let found = error.validation.map { String("\($0.kind)".prefix { $0 != "(" }) }
            #expect(found == kind)
        }
        #expect(throws: EntitiesError.self) {
            try entities(
                #"[{"uid":{"type":"Bare","id":"a"},"attrs":{},"parents":[],"tags":{"a":1}}]"#)
        }
        let unknown = Entity(uid: EntityUID(type: "Usr", id: "a"))
        let error = try #require(throws: EntityValidationError.self) {
            try Schema(parsing: Self.text).validate(unknown)
        }
        #expect(error.kind == .unexpectedEntityType(suggestion: "User"))
        // An action may be repeated as it is declared.
        let repeated =
            #"[{"uid":{"type":"Action","id":"all"},"attrs":{},"parents":[]}]"#
        #expect(try entities(repeated).count == 3)
    }

    @Test func depthEndsInAnError() throws {
        var seen: JSON = "2024-01-01"
        for _ in 0..<2_000 { seen = ["fn": "offset", "args": [seen, "1ms"]] }
        let call = seen
        let schema = try Schema(parsing: "entity U { seen: datetime };")
        let entity: JSON = [
            "uid": ["type": "U", "id": "a"], "attrs": ["seen": call], "parents": [],
        ]
        #expect(throws: JSONShapeError.self) { try Entity(json: entity, schema: schema) }
    }

    @Test func namesThatOnlyLookTheSameAreNotDeclared() throws {
        let schema = try Schema(parsing: "entity K { k?: Long }; entity A in [K];")
        let kelvin = "\u{212A}"
        #expect(kelvin == "K", "Swift takes them for equal")
        #expect(throws: EntityValidationError.self) {
            try schema.validate(Entity(uid: EntityUID(type: kelvin, id: "a")))
        }
        #expect(throws: EntityValidationError.self) {
            let parent = EntityUID(type: kelvin, id: "a")
            try schema.validate(Entity(uid: EntityUID(type: "A", id: "a"), parents: [parent]))
        }
        let parent = EntityUID(type: "K", id: "a")
        try schema.validate(Entity(uid: EntityUID(type: "A", id: "a"), parents: [parent]))
    }

    @Test(arguments: [
        (
            "User", "view", "Group",
            #"{"boss":{"type":"User","id":"b"},"color":{"type":"Color","id":"red"}}"#, ""
        ),
        (
            "User", "view", "Group",
            #"{"boss":{"type":"User","id":"b"},"limit":"1.0","color":{"type":"Color","id":"red"}}"#,
            ""
        ),
        ("Usr", "view", "Group", "{}", "undeclaredPrincipalType"),
        ("User", "view", "Grp", "{}", "undeclaredResourceType"),
        ("User", "none", "Group", "{}", "undeclaredAction"),
        ("Group", "view", "Group", "{}", "invalidPrincipalType"),
        ("User", "view", "Group", "{}", "malformed"),
        (
            "User", "view", "Group",
            #"{"boss":{"type":"User","id":"b"},"color":{"type":"Color","id":"green"}}"#,
            "invalidEnumEntity"
        ),
        (
            "User", "view", "Group",
            #"{"boss":{"type":"Group","id":"b"},"color":{"type":"Color","id":"red"}}"#,
            "invalidContext"
        ),
        ("User", "read", "Group", "{}", "invalidPrincipalType"),
    ]) func requests(
        _ principal: String, _ action: String, _ resource: String, _ context: String, _ kind: String
    ) throws {
        let json: JSON = [
            "principal": ["type": .string(principal), "id": "a"],
            "action": ["type": "Action", "id": .string(action)],
            "resource": ["type": .string(resource), "id": "g"],
            "context": try JSON(parsing: context),
        ]
        let schema = try Schema(parsing: Self.text)
        do {
            _ = try Request(json: json, schema: schema)
            #expect(kind == "")
        } catch {
            #expect(String("\(error.kind)".prefix { $0 != "(" }) == kind, "\(error)")
            #expect(!error.message.contains("\n"))
        }
    }
}
