// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import FuzzSupport

/// Tries one input as JSON with entities, a request or a value; before `//----` may be a schema.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = Fuzzer.text(start, count)
    let halves = Fuzzer.halves(text)
    guard let json = try? JSON(parsing: halves?.1 ?? text) else { return 0 }
    var schema = World.schema
    if let halves {
        guard let other = try? Schema(parsing: halves.0) else { return 0 }
        schema = other
    }
    Data(json: json, schema: schema).check()
    return 0
}

/// What must hold of JSON from outside.
struct Data {
    let json: JSON
    let schema: Schema

    func check() {
        checkValue()
        checkEntities()
        checkRequest(json)
        // A file with requests, as the conformance data has them.
        for request in json["requests"]?.arrayValue ?? [] { checkRequest(request) }
    }

    private func checkValue() {
        if let value = try? Value(json: json) {
            let written = Fuzzer.must("write a value: \(value)") { try value.json }
            let again = Fuzzer.must("read a value: \(written)") { try Value(json: written) }
            Fuzzer.check(again == value, "another value: \(value), \(again)")
            Fuzzer.check(
                again.hashValue == value.hashValue, "another hash: \(value), \(again)")
        }
        guard let value = try? Value(data: json) else { return }
        guard let written = try? value.json else { return }
        Fuzzer.check(
            (try? Value(data: written)) == value, "data changes: \(value), \(written)")
    }

    private func checkEntities() {
        guard json.arrayValue != nil else { return }
        do throws(EntitiesError) {
            let entities = try Entities(json: json)
            evaluate(World.request, entities)
            checkEach(entities)
        } catch {
            Fuzzer.checkMessage(error.description)
        }
        do throws(EntitiesError) {
            let entities = try Entities(json: json, schema: schema)
            evaluate(World.request, entities)
            checkEach(entities)
        } catch {
            Fuzzer.checkMessage(error.description)
        }
    }

    /// Each entity comes back from JSON, and what it is in holds together.
    private func checkEach(_ entities: Entities) {
        for element in json.arrayValue ?? [] {
            guard let uid = try? EntityUID(json: element["uid"] ?? .null),
                let entity = entities[uid]
            else { continue }
            for parent in entity.parents {
                Fuzzer.check(entities.isEntity(uid, in: parent), "`\(uid)` not in `\(parent)`")
                Fuzzer.check(
                    entities.ancestors(of: parent).isSubset(of: entities.ancestors(of: uid)),
                    "`\(uid)` is not in all that `\(parent)` is in")
            }
            guard let written = try? entity.json else { continue }
            let again = Fuzzer.must("read an entity: \(written)") { try Entity(json: written) }
            Fuzzer.check(again == entity, "another entity: \(written)")
            do throws(EntityValidationError) {
                try schema.validate(entity)
            } catch {
                Fuzzer.checkMessage(error.description)
            }
        }
    }

    private func checkRequest(_ json: JSON) {
        guard json.objectValue != nil else { return }
        if let request = try? Request(json: json) {
            evaluate(request, World.entities)
            do throws(RequestValidationError) {
                try schema.validate(request)
            } catch {
                Fuzzer.checkMessage(error.description)
            }
        }
        do throws(RequestValidationError) {
            let request = try Request(json: json, schema: schema)
            do throws(RequestValidationError) {
                try schema.validate(request)
            } catch {
                Fuzzer.stop("read against the schema and not valid: \(error)")
            }
            evaluate(request, World.entities)
        } catch {
            Fuzzer.checkMessage(error.description)
        }
    }

    private func evaluate(_ request: Request, _ entities: Entities) {
        let answer = World.policies.evaluate(request, entities: entities)
        let plain = World.policies.evaluateWithoutIndex(request, entities: entities)
        Fuzzer.check(answer == plain, "the index changes the answer: \(request)")
    }
}

@main enum Main {
    static func main() { Fuzzer.run(fuzz) }
}
