// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// Cedar's own questions and answers, read from files: one question, or its integration tests.
enum CedarFiles {
    static let maximumBytes = 64 * 1_048_576

    static func policies(_ path: String) throws -> PolicySet {
        let text = try LocalFile.readText(path, limit: maximumBytes)
        do {
            return try PolicySet(parsing: text)
        } catch {
            throw CLIError("cannot parse `\(path)`: \(error.errors.first?.description ?? "")")
        }
    }

    static func entities(_ path: String) throws -> Entities {
        do {
            return try Entities(json: try json(path))
        } catch let error as EntitiesError {
            throw CLIError("cannot read the entities in `\(path)`: \(error)")
        }
    }

    static func json(_ path: String) throws -> JSON {
        let bytes = try LocalFile.read(path, limit: maximumBytes)
        do {
            return try JSON(parsing: bytes, limits: .files)
        } catch {
            throw CLIError("cannot parse `\(path)`: \(error)")
        }
    }

    /// A request as Cedar's tools write it: names as `Type::"id"` or as objects.
    static func request(_ json: JSON) throws -> Request {
        let context = try Value(json: json["context"] ?? [:], path: "context")
        guard case .record(let record) = context else {
            throw CLIError("`context` must be a record")
        }
        return Request(
            principal: try name(json, "principal"), action: try name(json, "action"),
            resource: try name(json, "resource"), context: record)
    }

    private static func name(_ json: JSON, _ member: String) throws -> EntityUID {
        guard let value = json[member] else { throw CLIError("the request has no `\(member)`") }
        if let text = value.stringValue {
            guard let uid = EntityUID(parsing: text) else {
                throw CLIError("`\(member)`: `\(text)` is not a name such as `User::\"alice\"`")
            }
            return uid
        }
        return try EntityUID(json: value, path: member)
    }
}

/// A folder of Cedar integration tests.
struct PolicyCorpus {
    private let root: String

    init(_ folder: String) { root = folder }

    /// Every file below the folder that may be a test; a test has a member `requests`.
    func tests() throws -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: root) else {
            throw CLIError("cannot read the folder `\(root)`: check that it exists")
        }
        var names: [String] = []
        for case let name as String in walk
        where name.hasSuffix(".json") && !name.hasSuffix("entities.json") {
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Runs one test; nil when every request is answered as it says.
    func failure(of test: JSON) -> String? {
        do {
            let policies = try CedarFiles.policies(try path(test, "policies"))
            let entities = try CedarFiles.entities(try path(test, "entities"))
            for (number, request) in (test["requests"]?.arrayValue ?? []).enumerated() {
                if let difference = try Self.difference(request, policies, entities) {
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

    private static func difference(
        _ request: JSON, _ policies: PolicySet, _ entities: Entities
    ) throws -> String? {
        let answer = policies.evaluate(try CedarFiles.request(request), entities: entities)
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
        let candidates = ["\(root)/\(name)", "\(root)/../\(name)"]
        guard let found = candidates.first(where: FileManager.default.fileExists) else {
            throw CLIError("there is no `\(name)` below `\(root)`")
        }
        return found
    }
}
