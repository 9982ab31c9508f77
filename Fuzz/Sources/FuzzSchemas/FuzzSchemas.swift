// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import FuzzSupport

/// Tries one input as a schema, in Cedar syntax or in JSON; behind `//----` may be policies.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = Fuzzer.text(start, count)
    let (before, behind) = Fuzzer.halves(text) ?? (text, "")
    guard let schema = schema(before) else { return 0 }
    World.validate(World.policies, schema)
    if let policies = try? PolicySet(parsing: behind, allowingTemplates: true),
        !policies.policies.isEmpty || !policies.templates.isEmpty
    {
        World.validate(policies, schema)
    }
    let actions = Fuzzer.must("entities of actions") { try Entities([], schema: schema) }
    Fuzzer.check(actions.count == schema.actions.count, "actions are no entities")
    return 0
}

/// Reads a schema and holds both its syntaxes against each other.
private func schema(_ text: String) -> Schema? {
    do throws(SchemaErrors) {
        guard let fragment = try fragment(text) else { return nil }
        // Both are written whatever the names stand for, and read where they stand for something.
        let json = fragment.json
        let text = try? fragment.text
        let schema = try Schema([fragment])
        let fromJSON = Fuzzer.must("read JSON of a schema: \(json)") {
            try SchemaFragment(json: json)
        }
        Fuzzer.check(fromJSON.json == json, "other JSON:\n\(json)\n\n\(fromJSON.json)")
        Fuzzer.check(
            Fuzzer.must("resolve JSON of a schema") { try Schema([fromJSON]) } == schema,
            "JSON means something else: \(json)")
        if let text {
            Fuzzer.check(
                Fuzzer.must("read the text of a schema: \(text)") {
                    try Schema(parsing: text)
                } == schema,
                "text means something else: \(json)")
        }
        for warning in schema.warnings { Fuzzer.checkMessage(warning.description) }
        return schema
    } catch {
        for error in error.errors.prefix(100) {
            Fuzzer.checkMessage(error.description)
            let end = error.location.span?.end.offset ?? 0
            Fuzzer.check(end <= text.utf8.count, "place outside: \(error)")
        }
        return nil
    }
}

private func fragment(_ text: String) throws(SchemaErrors) -> SchemaFragment? {
    guard text.utf8.first == UInt8(ascii: "{") else { return try SchemaFragment(parsing: text) }
    guard let json = try? JSON(parsing: text) else { return nil }
    return try SchemaFragment(json: json)
}

@main enum Main {
    static func main() { Fuzzer.run(fuzz) }
}
