// SPDX-License-Identifier: Apache-2.0

internal import CResources
internal import CanonicalJSON
package import Cedar

/// What policies may speak of: the shipped schema, and those that a policy set brings along.
package enum ProductSchema {
    /// The name under which the shipped schema is part of every published set.
    package static let fileName = "exequatur.cedarschema"

    /// The shipped schema, as `policies/schema` has it.
    package static var file: PolicyFile {
        let resource = product_schema().pointee
        let bytes = UnsafeBufferPointer(start: resource.bytes, count: resource.size)
        return PolicyFile(name: fileName, text: String(decoding: bytes, as: UTF8.self))
    }

    /// The common type whose members the context of every action has.
    private static let sharedType = "SharedContext"

    /// Reads the schema files of a set as one schema, with the shared members in every context.
    ///
    /// - Parameter files: Cedar's syntax; among them the one named ``fileName``.
    /// - Returns: what requests must fit.
    /// - Throws: ``PolicyProblems`` with every mistake, each with its file.
    static func schema(_ files: [PolicyFile]) throws(PolicyProblems) -> Schema {
        // Most sets have no schema of their own, and a receipt may hold many sets.
        if files == [file] { return try shippedAlone.get() }
        return try resolved(files)
    }

    private static let shippedAlone = Result { () throws(PolicyProblems) in
        try resolved([file])
    }

    private static func resolved(_ files: [PolicyFile]) throws(PolicyProblems) -> Schema {
        let written = try written(files)
        let merged = try merged(files, written)
        do throws(SchemaErrors) {
            return try Schema(merged, limits: limits)
        } catch let mergedErrors {
            do throws(SchemaErrors) {
                // Places in what is merged are no longer those of a file, so the mistake is looked
                // for where it was written.
                _ = try Schema(written, limits: limits)
            } catch {
                throw PolicyProblems(problems: error.errors.map(\.description))
            }
            throw PolicyProblems(problems: mergedErrors.errors.map { "schema: \($0)" })
        }
    }

    /// The schema files of a set as one, with the shared members in every context.
    ///
    /// - Parameter files: Cedar's syntax; among them the one named ``fileName``.
    /// - Returns: the set's schema, for other Cedar tools as well.
    /// - Throws: ``PolicyProblems`` with every mistake, each with its file.
    package static func merged(_ files: [PolicyFile]) throws(PolicyProblems) -> SchemaFragment {
        var namespaces = JSONObject()
        for fragment in try merged(files, try written(files)) {
            for (name, json) in fragment.json.objectValue ?? [:] {
                var namespace = namespaces[name]?.objectValue ?? [:]
                for (part, members) in json.objectValue ?? [:] {
                    var all = namespace[part]?.objectValue ?? [:]
                    for (name, member) in members.objectValue ?? [:] { all[name] = member }
                    namespace[part] = .object(all)
                }
                namespaces[name] = .object(namespace)
            }
        }
        do throws(SchemaErrors) {
            return try SchemaFragment(json: .object(namespaces))
        } catch {
            throw PolicyProblems(problems: error.errors.map(\.description))
        }
    }

    private static func written(
        _ files: [PolicyFile]
    ) throws(PolicyProblems) -> [SchemaFragment] {
        var problems: [String] = []
        var fragments: [SchemaFragment] = []
        for file in files {
            do throws(SchemaErrors) {
                fragments.append(
                    try SchemaFragment(parsing: file.text, named: file.name, limits: limits))
            } catch {
                problems += error.errors.map(\.description)
            }
        }
        guard problems.isEmpty else { throw PolicyProblems(problems: problems) }
        return fragments
    }

    private static var limits: SchemaLimits {
        var limits = SchemaLimits()
        limits.maximumDeclarations = Limits.schemaDeclarations
        limits.maximumErrors = Limits.policyErrors
        return limits
    }

    private static let languageTypes: Set<String> = [
        "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String", "datetime",
        "decimal", "duration", "ipaddr",
    ]

    /// Declarations that take the name of a type of the language: the shared members would then
    /// mean another type, and no request would fit.
    ///
    /// Files that cannot be read have none; what is wrong with them is said elsewhere.
    static func shadowing(_ files: [PolicyFile]) -> [String] {
        files.flatMap { file -> [String] in
            let fragment = try? SchemaFragment(parsing: file.text, limits: limits)
            return (fragment?.namespaces ?? []).flatMap { namespace in
                (namespace.commonTypes.map(\.name) + namespace.entityTypes.map(\.name))
                    .filter(languageTypes.contains)
                    .map {
                        "\(file.name): `\($0)` is a type of the language: give yours another name"
                    }
            }
        }
    }

    private static func merged(
        _ files: [PolicyFile], _ written: [SchemaFragment]
    ) throws(PolicyProblems) -> [SchemaFragment] {
        let fragments = written.map(\.json)
        guard let shared = sharedMembers(fragments) else {
            throw PolicyProblems(problems: ["`\(fileName)` does not declare `\(sharedType)`"])
        }
        var problems: [String] = []
        var merged: [SchemaFragment] = []
        for (file, fragment) in zip(files, fragments) {
            do {
                merged.append(try SchemaFragment(json: try adding(shared, to: fragment)))
            } catch {
                problems.append("\(file.name): \(error)")
            }
        }
        guard problems.isEmpty else { throw PolicyProblems(problems: problems) }
        return merged
    }

    private static func sharedMembers(_ fragments: [JSON]) -> JSONObject? {
        for fragment in fragments {
            let types = fragment.objectValue?[""]?["commonTypes"]
            if let members = types?[sharedType]?["attributes"]?.objectValue { return members }
        }
        return nil
    }

    private static func adding(
        _ shared: JSONObject, to fragment: JSON
    ) throws(CoreError) -> JSON {
        var result = JSONObject()
        for (name, json) in fragment.objectValue ?? [:] {
            guard var namespace = json.objectValue else { continue }
            var actions = JSONObject()
            for (id, action) in namespace["actions"]?.objectValue ?? [:] {
                actions[id] = try adding(shared, toAction: id, action, in: namespace)
            }
            namespace["actions"] = .object(actions)
            result[name] = .object(namespace)
        }
        return .object(result)
    }

    private static func adding(
        _ shared: JSONObject, toAction id: String, _ json: JSON, in namespace: JSONObject
    ) throws(CoreError) -> JSON {
        // A group applies to nothing and has no context.
        guard var action = json.objectValue, var applies = action["appliesTo"]?.objectValue,
            !(applies["principalTypes"]?.arrayValue ?? []).isEmpty
        else { return json }
        var context = applies["context"]?.objectValue ?? ["attributes": [:], "type": "Record"]
        // `context: Name` stands for a common type of the same namespace.
        if let name = (context["name"] ?? context["type"])?.stringValue,
            let named = namespace["commonTypes"]?[name]?.objectValue
        {
            context = named
        }
        guard var members = context["attributes"]?.objectValue else {
            throw CoreError(
                "the context of action `\(VisibleText.escape(id))` is not written as a record: "
                    + "write it as `{ input: … }`")
        }
        for (name, type) in shared {
            guard members[name] == nil else {
                throw CoreError(
                    "the context of action `\(VisibleText.escape(id))` declares `\(name)`, which "
                        + "every action has: leave it out")
            }
            members[name] = type
        }
        context["attributes"] = .object(members)
        applies["context"] = .object(context)
        action["appliesTo"] = .object(applies)
        return .object(action)
    }
}
