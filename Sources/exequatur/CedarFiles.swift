// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// Cedar's own questions and answers, read from files.
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

    /// Reads a schema; JSON where the name says so, or where the text is an object of JSON.
    static func schema(_ path: String) throws -> Schema {
        do {
            if path.hasSuffix(".json") { return try Schema(json: try json(path)) }
            return try Schema(parsing: try LocalFile.readText(path, limit: maximumBytes))
        } catch let error as SchemaErrors {
            throw CLIError("cannot read `\(path)`: \(error.errors.first?.description ?? "")")
        }
    }

    /// Reads entities; with a schema they must fit it, and its actions are added.
    static func entities(_ path: String, _ schema: Schema?) throws -> Entities {
        do {
            guard let schema else { return try Entities(json: try json(path)) }
            return try Entities(json: try json(path), schema: schema)
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
    static func request(_ json: JSON, _ schema: Schema?) throws -> Request {
        let named = try namesAsObjects(json)
        guard let schema else { return try Request(json: named) }
        do {
            return try Request(json: named, schema: schema)
        } catch {
            throw CLIError("the request does not fit the schema: \(error)")
        }
    }

    /// The request with the names in it as objects, whichever way they were written.
    static func namesAsObjects(_ json: JSON) throws -> JSON {
        guard var object = json.objectValue else { throw CLIError("the request must be an object") }
        for member in ["principal", "action", "resource"] {
            guard let value = object[member] else {
                throw CLIError("the request has no `\(member)`")
            }
            guard let text = value.stringValue else { continue }
            guard let uid = EntityUID(parsing: text) else {
                throw CLIError("`\(member)`: `\(text)` is not a name such as `User::\"alice\"`")
            }
            object[member] = uid.json
        }
        if object["context"] == nil { object["context"] = [:] }
        return .object(object)
    }
}
