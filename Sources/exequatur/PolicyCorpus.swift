// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// A folder of Cedar integration tests.
final class PolicyCorpus {
    /// What has been looked at.
    struct Counts {
        var tests = 0
        var requests = 0
        var twins = 0
        var verdicts = 0
    }

    private let root: String
    private(set) var counts = Counts()

    init(_ folder: String) { root = folder }

    /// Every file below the folder that may be a test; a test has a member `requests`.
    func tests() throws -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: root) else {
            throw CLIError("cannot read the folder `\(root)`: check that it exists")
        }
        var names: [String] = []
        for case let name as String in walk
        where name.hasSuffix(".json") && !name.hasSuffix("entities.json")
            && !name.hasSuffix(".cedarschema.json") && !name.hasSuffix(".validation.json")
        {
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Runs one test; nil when everything is as it says.
    func failure(of test: JSON, _ name: String) -> String? {
        counts.tests += 1
        do {
            let policies = try CedarFiles.policies(try path(test, "policies"))
            let schema = try test["schema"].map { _ in
                try CedarFiles.schema(try path(test, "schema"))
            }
            let stem = String((name.split(separator: "/").last ?? "").dropLast(5))
            if let schema, let difference = try difference(test, schema, policies, stem) {
                return difference
            }
            let plain = try CedarFiles.entities(try path(test, "entities"), nil)
            let typed = try CedarFiles.entities(try path(test, "entities"), schema)
            for (number, request) in (test["requests"]?.arrayValue ?? []).enumerated() {
                counts.requests += 1
                if let difference = try Self.difference(request, policies, plain, typed, schema) {
                    return "request \(number + 1): \(difference)"
                }
            }
            return nil
        } catch let error as CLIError {
            return error.message
        } catch {
            return "\(error)"
        }
    }

    /// The schema's twin, and what validation says.
    private func difference(
        _ test: JSON, _ schema: Schema, _ policies: PolicySet, _ stem: String
    ) throws -> String? {
        if let twin = found("json-schemas/\(stem).cedarschema.json") {
            counts.twins += 1
            if try CedarFiles.schema(twin) != schema { return "the schema's JSON twin differs" }
        }
        let validator = Validator(schema)
        if let expected = test["shouldValidate"]?.boolValue {
            let result = validator.validate(policies, mode: .strict)
            if result.isValid != expected {
                return "validates: \(result.isValid)"
                    + (result.errors.first.map { ", \($0)" } ?? "")
            }
        }
        guard let recorded = found("validation/\(stem).validation.json") else { return nil }
        let verdicts = try CedarFiles.json(recorded)["policyValidation"]?["perPolicy"]
        for (id, expected) in verdicts?.objectValue ?? [:] {
            guard let policy = policies[id] else { return "there is no policy `\(id)`" }
            for mode in ValidationMode.allCases {
                counts.verdicts += 1
                let isValid = validator.validate(policy, mode: mode).isValid
                if isValid != expected[mode.rawValue]?.boolValue {
                    return "`\(id)` validates \(mode.rawValue): \(isValid)"
                }
            }
        }
        return nil
    }

    private static func difference(
        _ request: JSON, _ policies: PolicySet, _ plain: Entities, _ typed: Entities,
        _ schema: Schema?
    ) throws -> String? {
        let asked = JSON.object(
            JSONObject(
                ["principal", "action", "resource", "context"].compactMap { member in
                    request[member].map { (member, $0) }
                }))
        // A test without `validateRequest` means it; then only the schema tells text from dates.
        let fits = request["validateRequest"]?.boolValue ?? true
        let known = fits ? schema : nil
        let answer = policies.evaluate(
            try CedarFiles.request(asked, known), entities: known == nil ? plain : typed)
        let decision = answer.decision.rawValue
        if request["decision"]?.stringValue != decision { return "decided \(decision)" }
        if strings(request["reason"]) != Set(answer.reasons) {
            return "because of \(answer.reasons)"
        }
        let failed = answer.errors.map(\.id)
        return strings(request["errors"]) == Set(failed) ? nil : "errors in \(failed)"
    }

    private static func strings(_ json: JSON?) -> Set<String> {
        Set((json?.arrayValue ?? []).compactMap(\.stringValue))
    }

    /// Paths in a test are relative to the folder that holds the corpus, which may be the one
    /// given or the one around it.
    private func path(_ test: JSON, _ member: String) throws -> String {
        guard let name = test[member]?.stringValue, !name.split(separator: "/").contains("..")
        else {
            throw CLIError("the test has no `\(member)`")
        }
        guard let found = found(name) else {
            throw CLIError("there is no `\(name)` below `\(root)`")
        }
        return found
    }

    private func found(_ name: String) -> String? {
        ["\(root)/\(name)", "\(root)/../\(name)"].first(where: FileManager.default.fileExists)
    }
}
