// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

/// The kinds of all errors of a text; empty where there are none.
private func kinds(_ text: String, limits: SchemaLimits = .init()) -> [SchemaError.Kind] {
    do throws(SchemaErrors) {
        _ = try Schema(parsing: text, limits: limits)
        return []
    } catch {
        return error.errors.map(\.kind)
    }
}

private func kinds(json text: String) throws -> [SchemaError.Kind] {
    let json = try JSON(parsing: text)
    do throws(SchemaErrors) {
        _ = try Schema(json: json)
        return []
    } catch {
        return error.errors.map(\.kind)
    }
}

@Suite struct SchemaTests {
    /// Accepted by the reference implementation too.
    static let good = [
        "", "entity Long; entity B {x: Long};", "type decimal = String; entity A {x: decimal};",
        "namespace N { entity String; } entity A {x: String};", "entity A {__cedar: Long};",
        "entity A in [];", "entity A {x: Long,};", "entity A enum [\"a\",\"a\"];",
        "entity A in A;", "action a in b; action b;",
        "action \"a b\" in [Action::\"b\"]; action b;",
        "action a in N::Action::\"b\"; namespace N {action b;}",
        "namespace N { entity decimal; entity X {y: decimal}; }",
        "entity A {x: Action}; action b;", "type Action = Long; entity A {x: Action};",
        "entity E enum [\"x\"]; entity A in E;", "@if(\"x\") entity A;", "entity A tags Set<A>;",
        "entity A = {x: Long};", "namespace N { entity A; } // c", "entity A { \"x y\"?: Long };",
        "action a attributes {};", "entity enum enum [\"x\"];",
        "entity type; type entity = Long;", "entity Set; entity A {x: Set<Set>};",
        "entity Record;", "action \"in\" in x; action x;",
        "type T = {}; entity A; action a appliesTo {principal: A, resource:A, context: T};",
        "entity A {x: N::B}; namespace N { entity B; }",
        "entity A{x:Long,y?:Bool,z:{q:ipaddr}}tags Long;",
        "namespace A::B { entity C; action x appliesTo {principal:C,resource:[C,C],}; }",
        "entity A, B in [A] {c: Set<{d: A}>}; entity C in B;",
    ]

    /// Refused by the reference implementation too, but for the first.
    static let bad: [(String, [SchemaError.Kind])] = [
        ("entity A {a: Long, a: String};", [.duplicate]),
        ("type Long = String;", [.reservedName]), ("type Set = Long;", [.reservedName]),
        ("namespace N { type Long = String; }", [.reservedName]),
        ("entity A {has: Long};", [.reservedName]), ("entity __cedar;", [.reservedName]),
        ("namespace __cedar {}", [.reservedName]), ("entity if;", [.reservedName]),
        ("namespace A::__cedar {}", [.reservedName]), ("action in;", [.reservedName]),
        ("entity A in [B,];", [.syntax]), ("entity A enum [\"a\",];", [.syntax]),
        ("entity A enum [];", [.syntax]), ("entity A = Foo; type Foo = {};", [.syntax]),
        ("action a appliesTo {principal: [], resource: A}; entity A;", [.syntax]),
        ("action a appliesTo {principal: A}; entity A;", [.syntax]),
        (
            "entity A; action a appliesTo {principal: A, resource: A, context: Set<Long>};",
            [.syntax]
        ),
        ("action a attributes {x:1};", [.syntax]), ("action a appliesTo {};", [.syntax]),
        ("namespace N { entity A in [::B]; }", [.syntax]), ("entity A;;", [.syntax]),
        ("@a(\"\\q\") entity A;", [.syntax]), ("entity A", [.syntax]), ("entity \"A\";", [.syntax]),
        ("@a @a entity A;", [.duplicate]), ("entity A, B; entity B;", [.duplicate]),
        ("action a, b; action b;", [.duplicate]), ("type A = Long; type A = Long;", [.duplicate]),
        ("namespace N {} namespace N {}", [.duplicate]),
        ("entity A; action a appliesTo {principal: A, principal: A, resource: A};", [.duplicate]),
        ("type A = A;", [.commonTypeCycle]), ("action a in a;", [.actionCycle]),
        ("type A = {b: B}; type B = Set<A>;", [.commonTypeCycle]),
        ("entity A; namespace N { entity A; }", [.shadowing]),
        ("type A = Long; namespace N { entity A; }", [.shadowing]),
        ("action a; namespace N { action a; }", [.shadowing]),
        ("entity A {x: Action};", [.undeclaredType]), ("entity A {x: B};", [.undeclaredType]),
        ("entity User in Action; action a;", [.undeclaredType]),
        ("entity A { y: __cedar::Foo };", [.undeclaredType]),
        ("entity A; action a appliesTo {principal: A, resource: B};", [.undeclaredType]),
        ("type T = Long; entity A in T;", [.undeclaredType]),
        ("action a in b;", [.undeclaredAction]), ("entity Action;", [.actionEntityType]),
        (
            "type T = Long; entity A; action a appliesTo "
                + "{principal: A, resource:A, context: T};", [.notRecord]
        ),
    ]

    @Test(arguments: good) func accepted(_ text: String) throws {
        #expect(kinds(text) == [])
        // What was read comes back through either syntax.
        let fragment = try SchemaFragment(parsing: text)
        let schema = try Schema([fragment])
        #expect(try Schema(parsing: fragment.text) == schema)
        #expect(try Schema(json: fragment.json) == schema)
    }

    @Test(arguments: bad.indices) func refused(_ place: Int) {
        let (text, expected) = Self.bad[place]
        #expect(kinds(text) == expected, "\(text)")
    }

    @Test func errorsSayWhereAndWhat() throws {
        let text = """
            entity User { name: Strin };
            namespace App {
              entity Photo in Album;
              action view appliesTo { principal: Usr, resource: Photo };
            }
            """
        let errors = try #require(throws: SchemaErrors.self) { try Schema(parsing: text) }
        #expect(
            errors.description == """
                1:21: `Strin` not declared as a common or entity type
                3:19: `App::Album` and `Album` not declared as an entity type
                4:38: `App::Usr` and `Usr` not declared as an entity type; did you mean `User`?
                """)
        let json = try JSON(parsing: #"{"a/b": 1, "N": {"entityTypes": {"A": {"x": 1}}}}"#)
        let shape = try #require(throws: SchemaErrors.self) { try Schema(json: json) }
        #expect(
            shape.errors.map(\.location.description)
                == ["/N/entityTypes/A/x", "/N", "/a~1b"])
    }

    @Test func jsonSyntax() throws {
        let none = #""entityTypes":{},"actions":{}"#
        for text in [
            #"{"":{\#(none)}}"#, #"{"N":{\#(none),"annotations":{"a":null,"if":"x"}}}"#,
            #"{"":{"entityTypes":{},"actions":{"a":{"memberOf":null,"appliesTo":null}}}}"#,
            #"{"N":{\#(none),"commonTypes":{"T":{"type":"Extension","name":"ipaddr"},"#
                + #""U":{"type":"Bool"},"V":{"type":"ipaddr"},"W":{"type":"__cedar::Long"}}}}"#,
        ] {
            #expect(try kinds(json: text) == [], "\(text)")
        }
        for (text, kind) in [
            (#"{"":{"entityTypes":{}}}"#, SchemaError.Kind.shape), (#"[]"#, .shape),
            (#"{"":{"entityTypes":{"A":{"memberOfTypes":null}},"actions":{}}}"#, .shape),
            (#"{"":{"entityTypes":{"A":{"shape":{"type":"Bool"}}},"actions":{}}}"#, .notRecord),
            (#"{"":{"entityTypes":{"A":{"shape":{"type":"Record"}}},"actions":{}}}"#, .shape),
            (#"{"":{"entityTypes":{},"actions":{"a":{"attributes":{}}}}}"#, .unsupported),
            (#"{"":{\#(none),"annotations":{"a":"b"}}}"#, .shape), (#"{"N ":{\#(none)}}"#, .shape),
            (#"{"__cedar":{\#(none)}}"#, .shape), (#"{"":{\#(none),"x":1}}"#, .shape),
            (
                #"{"N":{\#(none),"commonTypes":{"T":{"type":"Entity","name":"Long"}}}}"#,
                .undeclaredType
            ),
            (
                #"{"N":{\#(none),"commonTypes":{"T":{"type":"Extension","name":"foo"}}}}"#,
                .unknownExtensionType
            ),
            (
                #"{"":{\#(none),"commonTypes":{"T":{"type":"Record","attributes":{},"#
                    + #""additionalAttributes":true}}}}"#, .unsupported
            ),
        ] {
            #expect(try kinds(json: text) == [kind], "\(text)")
        }
    }

    @Test func whatCedarSyntaxCannotSay() throws {
        let hidden = try JSON(
            parsing: #"{"N":{"entityTypes":{"A":{}},"actions":{},"commonTypes":"#
                + #"{"A":{"type":"Long"},"U":{"type":"Entity","name":"A"}}}}"#)
        let fragment = try SchemaFragment(json: hidden)
        #expect(throws: SchemaError.self) { try fragment.text }
        #expect(try Schema([fragment]) == Schema(json: fragment.json))
    }

    @Test func limitsHold() throws {
        let nested =
            "type T = " + String(repeating: "Set<", count: 5_000) + "Long"
            + String(repeating: ">", count: 5_000) + ";"
        #expect(onSmallStack { kinds(nested) } == [.limit])
        // Each common type has twice the parts of the one before.
        var doubling = "type T0 = Long;"
        for level in 1...60 {
            doubling += "type T\(level) = {a: T\(level - 1), b: T\(level - 1)};"
        }
        #expect(Set(kinds(doubling)) == [.limit])
        let chain = (1...5_000).reduce("type T0 = Long;") { text, level in
            text + "type T\(level) = T\(level - 1);"
        }
        #expect(onSmallStack { kinds(chain) } == [])
        var limits = SchemaLimits()
        limits.maximumBytes = 10
        #expect(kinds("entity Abcdef;", limits: limits) == [.limit])
        limits = SchemaLimits()
        limits.maximumDeclarations = 2
        #expect(kinds("entity A; entity B; entity C;", limits: limits) == [.limit])
    }

    /// Any text ends in a schema or in errors with a place in the text, and never in a crash.
    @Test func anyTextIsReadOrRefused() throws {
        var generator = SchemaGenerator(base: PolicyGenerator(random: .forTest()))
        var refused = 0
        for _ in 0..<400 {
            var text = generator.schema().text
            for _ in 0..<generator.pick([1, 2, 5]) {
                text = generator.base.broken(text, PolicyGenerator.schemaSplinters)
            }
            do throws(SchemaErrors) {
                _ = try Schema(parsing: text)
            } catch {
                refused += 1
                for error in error.errors {
                    let end = try #require(error.location.span?.end.offset)
                    #expect(end <= text.utf8.count && !error.message.contains("\n"), "\(error)")
                }
            }
        }
        #expect(refused > 100)
    }

    @Test func actionsAreEntities() throws {
        let schema = try Schema(
            parsing: "action view in read; action read in all; action all; entity U;")
        let entities = try Entities(schema.actionEntities)
        let view = EntityUID(type: "Action", id: "view")
        #expect(entities.isEntity(view, in: EntityUID(type: "Action", id: "all")))
        #expect(schema.actions[view]?.ancestors.count == 2)
        #expect(schema.entityTypes.keys.sorted() == ["U"])
    }

    @Test func oddNamesAreWarnedOf() throws {
        let schema = try Schema(parsing: "entity Long; entity B; type B = {x: Long};")
        #expect(Set(schema.warnings.map(\.kind)) == [.shadowsBuiltin, .shadowsEntityType])
    }
}
