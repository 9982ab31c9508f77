// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// A folder of policies and schemas as it is checked and published: whole, in the order of its
/// names.
struct PolicyFiles: Sendable {
    private static let fileBytes = 1_048_576

    var files: [PolicyFile]
    /// What looks as if it should be part of the set and is not.
    private(set) var ignored: [String] = []

    /// Reads the folder itself, not its subfolders; a folder without policies is an error, because
    /// publishing it would forbid everything.
    init(directory: String) throws {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw CLIError(
                "cannot read the folder `\(directory)`: check that it exists and is readable")
        }
        let wanted = names.filter { name in
            !name.hasPrefix(".") && (name.hasSuffix(".cedar") || name.hasSuffix(".cedarschema"))
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard wanted.contains(where: { $0.hasSuffix(".cedar") }) else {
            throw CLIError("`\(directory)` has no file that ends in `.cedar`")
        }
        guard wanted.count <= Limits.policyFiles else {
            throw CLIError("`\(directory)` has more than \(Limits.policyFiles) policy files")
        }
        ignored = Self.ignored(names, in: directory).filter { !wanted.contains($0) }
        files = try wanted.map { name in
            let path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
            // A pipe would never end.
            guard
                try FileManager.default.attributesOfItem(
                    atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)[.type]
                    as? FileAttributeType == .typeRegular
            else { throw CLIError("`\(path)` is not a regular file") }
            return PolicyFile(
                name: name, text: try LocalFile.readText(path, limit: Self.fileBytes))
        }
    }

    /// Names that somebody may take for policies: other endings, hidden files, subfolders.
    private static func ignored(_ names: [String], in directory: String) -> [String] {
        names.filter { name in
            if name.lowercased().contains(".cedar") { return true }
            let inner = try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(name)")
            return (inner ?? []).contains { $0.lowercased().contains(".cedar") }
        }.sorted()
    }

    /// Everything that can be found wrong without a server: it compiles the set as the server will.
    ///
    /// With the schemas that the server makes of approved tools, where it was asked for them.
    func check(generated: [PolicyFile]? = nil) -> PolicyReport {
        do {
            let published = try PublishedPolicies(files: files, generated: generated)
            return PolicyReport(
                policies: Int64(published.policySet.policies.count), problems: [],
                warnings: published.warnings
                    + ignored.map {
                        "`\($0)` is not part of the set: names end in `.cedar` or "
                            + "`.cedarschema`, in the folder itself"
                    })
        } catch {
            return PolicyReport(policies: 0, problems: error.problems, warnings: [])
        }
    }

    /// The schemas that the server makes of approved tools and that these files do not declare.
    func generated(_ api: APIClient) async throws -> [PolicyFile] {
        let answer = try await api.get(APIPath("/v1/policies"))
        let files = try (answer["files"]?.arrayValue ?? []).map { file -> PolicyFile in
            guard let name = file["name"]?.stringValue, let text = file["text"]?.stringValue else {
                throw CLIError("the server's answer lists a policy file without name or text")
            }
            return PolicyFile(name: name, text: text)
        }
        let declared = ToolDeclarations.Declared(self.files)
        return files.filter { ToolDeclarations.isGenerated($0) && !declared.declares($0) }
    }

    /// The set as the server would have it.
    func published() throws -> PublishedPolicies {
        do {
            return try PublishedPolicies(files: files)
        } catch {
            let first = error.problems.first ?? ""
            let more = error.problems.count > 1 ? " (and \(error.problems.count - 1) more)" : ""
            throw CLIError("the policies have problems: \(first)\(more); see `policy check`")
        }
    }

    var json: JSON {
        let files = self.files.map { file -> JSON in
            ["name": .string(file.name), "text": .string(file.text)]
        }
        return ["files": .array(files)]
    }
}
