// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

/// Random schemas, with policies and data for them, judged by us and by the reference
/// implementation; see ``RefereeTests`` for what it needs.
@Suite(
    .serialized,
    .enabled(
        if: referee.isHere,
        "no `cedarpy` for Python: run scripts/bootstrap, and set PYTHONPATH as scripts/test.sh does"
    ))
struct DifferentialTests {
    private func generator(_ label: String = #function) -> SchemaGenerator {
        SchemaGenerator(base: PolicyGenerator(random: .forTest(label)))
    }

    private func isAccepted(_ answer: JSON) -> Bool { answer["accepted"]?.boolValue == true }

    // MARK: schemas

    @Test func whichSchemasAreReadAgrees() throws {
        var generator = generator()
        var accepted = 0
        try referee.compare("schema", count: PythonReferee.cases / 4) {
            let text = generator.schema().text
            let splinters = PolicyGenerator.schemaSplinters
            return [
                "text": .string(
                    generator.chance(70)
                        ? generator.base.broken(text, splinters) : generator.base.respaced(text))
            ]
        } answer: { question, answer in
            let text = try #require(question["text"]?.stringValue)
            do throws(SchemaErrors) {
                _ = try Schema(parsing: text)
                accepted += 1
                return isAccepted(answer) ? [] : ["only we accept: \(text)\n\(answer)"]
            } catch {
                // An attribute that comes twice is refused by us alone, on purpose.
                let isOurs = error.errors.allSatisfy { $0.message.contains("duplicate attribute") }
                return isAccepted(answer) && !isOurs ? ["only we refuse: \(text)\n\(error)"] : []
            }
        }
        referee.report("schemas: \(accepted) accepted by both")
    }

    @Test func whichSchemasInJSONAreReadAgrees() throws {
        var generator = generator()
        var accepted = 0
        try referee.compare("schema", count: PythonReferee.cases / 4) {
            let json = try SchemaFragment(parsing: generator.schema().text).json
            return ["json": generator.base.broken(json, PolicyGenerator.schemaMembers)]
        } answer: { question, answer in
            let json = try #require(question["json"])
            do throws(SchemaErrors) {
                _ = try Schema(json: json)
                accepted += 1
                return isAccepted(answer) ? [] : ["only we accept: \(json)\n\(answer)"]
            } catch {
                // The reference takes an array for an object whose members may all be absent.
                let isOurs = error.errors.allSatisfy { error in
                    let pointer = try? JSONPointer(parsing: "\(error.location)")
                    return pointer?.resolve(in: json)?.arrayValue != nil
                }
                return isAccepted(answer) && !isOurs ? ["only we refuse: \(error)\n\(json)"] : []
            }
        }
        referee.report("schemas in JSON: \(accepted) accepted by both")
    }

    /// Our text and our JSON of a schema mean to the reference what the original does.
    @Test func writtenSchemasMeanTheSame() throws {
        var generator = generator()
        try referee.compare("schema", count: PythonReferee.cases / 20) {
            ["text": .string(generator.schema().text)]
        } answer: { question, answer in
            let text = try #require(question["text"]?.stringValue)
            let fragment = try SchemaFragment(parsing: text)
            let written: [JSON] = [
                ["text": .string(try fragment.text)], ["json": fragment.json],
                ["text": .string(try SchemaFragment(json: fragment.json).text)],
            ]
            let answers = try referee.ask(["schema": .array(written)])["schema"]?.arrayValue ?? []
            let schema = try Schema([fragment])
            let reference = try Schema(parsing: answer["text"]?.stringValue ?? "?")
            guard answers.count == 3, answers.allSatisfy({ $0["text"] == answer["text"] }),
                schema == reference
            else { return ["\(text)\nreference: \(answer)\nof ours: \(answers)"] }
            return []
        }
    }

    // MARK: policies

    @Test func validationAgrees() throws {
        var generator = generator()
        var valid = 0
        try referee.compare("validate", count: PythonReferee.cases / 2) {
            let schema = generator.schema()
            let isTemplate = generator.chance(20)
            return [
                "schema": .string(schema.text),
                "policies": .string(generator.policy(schema, isTemplate: isTemplate)),
            ]
        } answer: { question, answer in
            let schema = try #require(question["schema"]?.stringValue)
            let policies = try #require(question["policies"]?.stringValue)
            let set = try PolicySet(parsing: policies, allowingTemplates: true)
            let found = Validator(try Schema(parsing: schema)).validate(set, mode: .strict)
            valid += found.isValid ? 1 : 0
            guard found.isValid != answer["valid"]?.boolValue else { return [] }
            return ["\(schema)\n\(policies)\nours: \(found.errors)\nreference: \(answer)"]
        }
        referee.report("validation: \(valid) valid for both")
    }

    /// A policy that is valid never fails for a request and entities that fit the schema, but for
    /// what types cannot rule out.
    @Test func validPoliciesDoNotFail() throws {
        var generator = generator()
        generator.hasFaults = false
        var evaluated = 0
        let unavoidable: Set<EvaluationError.Category> = [
            .entityDoesNotExist, .integerOverflow, .failedExtensionFunctionExecution,
        ]
        for _ in 0..<PythonReferee.cases / 10 {
            let generated = generator.schema()
            let schema = try Schema(parsing: generated.text)
            let text = (0..<5).map { _ in generator.policy(generated) }.joined()
            let set = try PolicySet(parsing: text)
            let json = generator.entities(generated)
            guard let entities = try? Entities(json: json, schema: schema) else { continue }
            for mode in ValidationMode.allCases {
                let errors = Validator(schema).validate(set, mode: mode).errors
                let invalid = Set(errors.map(\.policyID))
                for _ in 0..<3 {
                    let question = generator.request(generated)
                    guard let request = try? Request(json: question, schema: schema) else {
                        continue
                    }
                    evaluated += 1
                    for failure in set.evaluate(request, entities: entities).errors
                    where !invalid.contains(failure.id) {
                        #expect(
                            unavoidable.contains(failure.error.category),
                            "\(generated.text)\n\(text)\n\(json)\n\(question)\n\(failure)")
                    }
                }
            }
        }
        #expect(evaluated > PythonReferee.cases / 20)
        referee.report("soundness: \(evaluated) requests")
    }

    /// A policy that is valid for a level needs no entities beyond it (RFC 76).
    @Test func levelsSayWhichEntitiesAreNeeded() throws {
        var generator = generator()
        generator.hasFaults = false
        var compared = 0
        for _ in 0..<PythonReferee.cases / 10 {
            let generated = generator.schema()
            let schema = try Schema(parsing: generated.text)
            let set = try PolicySet(parsing: generator.policy(generated))
            guard
                let entities = try? Entities(json: generator.entities(generated), schema: schema),
                let request = try? Request(json: generator.request(generated), schema: schema)
            else { continue }
            let whole = set.evaluate(request, entities: entities)
            for level in 0...3 {
                let result = Validator(schema).validate(set, mode: .strict, maximumLevel: level)
                guard result.isValid else { continue }
                compared += 1
                let slice = try EntitySlice(request, entities, level: level).entities()
                #expect(set.evaluate(request, entities: slice) == whole, "\(set.policies[0].text)")
            }
        }
        referee.report("levels: \(compared) answers from the entities within a level")
    }

    // MARK: data

    @Test func whichDataFitsAgrees() throws {
        var generator = generator()
        var fits = 0
        try referee.compare("data", count: PythonReferee.cases / 5) {
            let schema = generator.schema()
            return [
                "schema": .string(schema.text), "entities": generator.entities(schema),
                "requests": .array((0..<4).map { _ in generator.request(schema) }),
            ]
        } answer: { question, answer in
            let text = try #require(question["schema"]?.stringValue)
            let schema = try Schema(parsing: text)
            var differences: [String] = []
            func compare(_ json: JSON, _ expected: JSON?, _ read: () throws -> Void) {
                var ours: String?
                do { try read() } catch { ours = "\(error)" }
                fits += ours == nil ? 1 : 0
                if (ours == nil) != (expected?.isNull == true) {
                    differences.append(
                        "\(text)\n\(json)\nours: \(ours ?? "fits")\nreference: \(expected ?? .null)"
                    )
                }
            }
            let entities = try #require(question["entities"])
            compare(entities, answer["entities"]) {
                _ = try Entities(json: entities, schema: schema)
            }
            let requests = question["requests"]?.arrayValue ?? []
            for (request, expected) in zip(requests, answer["requests"]?.arrayValue ?? []) {
                compare(request, expected) { _ = try Request(json: request, schema: schema) }
            }
            return differences
        }
        referee.report("data: \(fits) entity sets and requests fit for both")
    }

    // MARK: forms of policies

    /// Formatted text and our JSON mean to the reference what the original does.
    @Test func writtenPoliciesMeanTheSame() throws {
        var base = PolicyGenerator(random: .forTest(), hasSlots: true)
        try referee.compare("parse", count: PythonReferee.cases / 10) {
            .string(base.respaced(base.policySet(3)))
        } answer: { question, answer in
            let text = try #require(question.stringValue)
            guard isAccepted(answer) else { return [] }
            let set = try PolicySet(parsing: text, allowingTemplates: true)
            let again = try PolicySet(json: set.json)
            guard try again.json == set.json else { return ["not the same from JSON: \(text)"] }
            let printed = (again.policies.map(\.text) + again.templates.map(\.text)).joined()
            let formatted = try PolicyFormatter().format(text)
            guard try PolicyFormatter().format(formatted) == formatted else {
                return ["not the same formatted twice: \(text)"]
            }
            let read = try PolicySet(parsing: formatted, allowingTemplates: true)
            guard try read.json == set.json else { return ["not the same formatted: \(text)"] }
            return (try? PolicySet(parsing: printed, allowingTemplates: true)) == nil
                ? ["not read as printed: \(printed)"] : []
        }
    }

    /// What is broken in JSON is refused by both, and what is not is read as the same policies.
    @Test func policiesInJSONAgree() throws {
        var base = PolicyGenerator(random: .forTest())
        try referee.compare("fromJSON", count: PythonReferee.cases / 10) {
            let set = try PolicySet(parsing: base.policySet(1))
            return base.chance(30) ? try set.json : base.broken(try set.json)
        } answer: { question, answer in
            let ours: PolicySet
            do throws(JSONShapeError) {
                ours = try PolicySet(json: question)
            } catch {
                return isAccepted(answer) && !isStricter(error)
                    ? ["only we refuse: \(question)\n\(error)\n\(answer)"] : []
            }
            guard isAccepted(answer) else { return ["only we accept: \(question)\n\(answer)"] }
            guard let text = answer["text"]?.stringValue,
                let theirs = try? PolicySet(parsing: text)
            else { return [] }
            let one = try ours.policies.map { try $0.json }
            let two = try theirs.policies.map { try $0.json }
            return one == two ? [] : ["read differently: \(question)\n\(text)\n\(one)"]
        }
    }

    /// Whether it is one of the things that we refuse alone, on purpose.
    private func isStricter(_ error: JSONShapeError) -> Bool {
        error.message.contains("unknown member") || error.message.contains("are reserved")
            || error.message.contains("is not an extension function")
            || error.message.contains("needs a receiver")
            || ["__entity", "__extn", "__expr"].contains { error.path.contains($0) }
    }
}

/// The entities that can be reached from a request in so many steps.
private struct EntitySlice {
    private let all: Entities
    private var kept: [EntityUID: Entity] = [:]

    init(_ request: Request, _ all: Entities, level: Int) {
        self.all = all
        var frontier = [request.principal, request.action, request.resource]
        frontier += Self.references(.record(request.context))
        for _ in 0..<level {
            var next: [EntityUID] = []
            for uid in frontier where kept[uid] == nil {
                guard let entity = all[uid] else { continue }
                kept[uid] = entity
                next += Self.references(.record(entity.attributes))
                next += Self.references(.record(entity.tags))
            }
            frontier = next
        }
    }

    /// What is kept of an entity is everything that it is in, too.
    func entities() throws -> Entities {
        try Entities(
            kept.values.map { entity in
                Entity(
                    uid: entity.uid, attributes: entity.attributes,
                    parents: Array(all.ancestors(of: entity.uid)), tags: entity.tags)
            })
    }

    private static func references(_ value: Value) -> [EntityUID] {
        switch value {
        case .entity(let uid): [uid]
        case .set(let elements): elements.flatMap(references)
        case .record(let record): record.flatMap { references($0.value) }
        case .bool, .long, .string, .extension: []
        }
    }
}
