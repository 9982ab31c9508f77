// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import ToolSchemas

/// The schema file that is made of the tools of a gate when they are approved.
///
/// Equal definitions give equal text, so that gates in front of the same server share one file.
package enum ToolDeclarations {
    /// A generated file, and what its types say less of than the definitions.
    package struct Generated: Sendable, Hashable {
        package let file: PolicyFile
        /// One line each, for the administrator.
        package let notes: [String]
    }

    private static let prefix = "mcp-"
    private static let suffix = ".cedarschema"
    private static let header = "// Made by Exequatur from the approved tools of "
    /// More would not be read.
    private static let notesLimit = 100

    /// The name of the file for a server.
    package static func fileName(server: String) -> String { "\(prefix)\(server)\(suffix)" }

    /// Whether only generated files may be called so.
    package static func isReserved(_ name: String) -> Bool {
        name.hasPrefix(prefix) && name.hasSuffix(suffix)
    }

    /// Whether a file of a published set was generated.
    package static func isGenerated(_ file: PolicyFile) -> Bool {
        isReserved(file.name) && file.text.hasPrefix(header)
    }

    /// Declares the tools that can be called.
    ///
    /// A tool whose input schema can't be read gets an open input, with a note: policies may then
    /// name the tool, not look into what it is called with.
    package static func generate(
        _ presentation: GatePresentation
    ) throws(PolicyProblems) -> Generated {
        let generator = ToolSchemaGenerator(.exequatur(server: presentation.server))
        var notes: [String] = []
        let tools = presentation.tools.filter(\.isCallable)
        let generated: GeneratedSchema
        do throws(ToolSchemaError) {
            generated = try schema(tools.map(\.definition), generator)
        } catch {
            let opened = tools.map { tool -> JSON in
                do throws(ToolSchemaError) {
                    _ = try schema([tool.definition], generator)
                    return tool.definition
                } catch {
                    notes.append(
                        "tool `\(VisibleText.escape(tool.name))`: its input is declared as open, "
                            + "because \(error.message)")
                    return open(tool.name)
                }
            }
            do throws(ToolSchemaError) {
                generated = try schema(opened, generator)
            } catch {
                throw PolicyProblems(problems: [
                    "no schema can be made of the tools of `\(presentation.server)`: \(error)"
                ])
            }
        }
        notes += generated.notes.prefix(notesLimit).map(\.description)
        if generated.notes.count > notesLimit {
            notes.append("and \(generated.notes.count - notesLimit) notes like these")
        }
        let declarations: String
        do throws(SchemaError) {
            declarations = try generated.fragment.text
        } catch {
            throw PolicyProblems(problems: ["\(error)"])
        }
        let text = """
            \(header)`\(presentation.server)`.
            //
            // Policies may name `Action::"\(ToolAction.group(server: presentation.server))"` and \
            the actions in it. It comes with the set: leave it out of the
            // folder that you publish. To declare the tools yourself, declare that group in a file \
            of another name.

            \(declarations)
            """
        return Generated(
            file: PolicyFile(name: fileName(server: presentation.server), text: text),
            notes: notes)
    }

    private static func schema(
        _ definitions: [JSON], _ generator: ToolSchemaGenerator
    ) throws(ToolSchemaError) -> GeneratedSchema {
        try generator.generate(try ToolManifest(json: .array(definitions)))
    }

    private static func open(_ name: String) -> JSON {
        [
            "inputSchema": ["additionalProperties": true, "type": "object"],
            "name": .string(name),
        ]
    }

    /// The actions that files of users declare outside of namespaces.
    package struct Declared: Sendable {
        private let actions: [String]

        /// Reads schemas; one that can't be read declares nothing, which is said elsewhere, and
        /// generated ones don't count.
        package init(_ files: [PolicyFile]) {
            actions = files.flatMap { file -> [String] in
                guard file.isSchema, !isReserved(file.name),
                    let fragment = try? SchemaFragment(parsing: file.text)
                else { return [] }
                return fragment.namespaces.filter(\.name.isEmpty).flatMap { namespace in
                    namespace.actions.map(\.name)
                }
            }
        }

        /// Whether they declare tools of the server that a generated file is for: then theirs
        /// count, and the file is not needed.
        package func declares(_ file: PolicyFile) -> Bool {
            let server = String(file.name.dropFirst(prefix.count).dropLast(suffix.count))
            let group = ToolAction.group(server: server)
            return actions.contains { action in
                action.utf8.elementsEqual(group.utf8)
                    || ToolAction.tool(of: action, server: server) != nil
            }
        }
    }
}
