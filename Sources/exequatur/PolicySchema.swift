// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Cedar
internal import ToolSchemas

extension PolicyCommands {
    /// What policies may speak of.
    struct SchemaCommands: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Show a set's schema, or make one from tools.",
            subcommands: [ShowSchema.self, ToolSchema.self])
    }

    struct ShowSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Print the whole schema of a folder of policies.",
            discussion: """
                The shipped schema and those of the folder, with the members that every context \
                has. Other Cedar tools can validate the policies against it.
                """)

        @Argument(help: "The folder with the policies.", completion: .directory)
        var directory: String

        @OptionGroup var output: OutputOptions

        func run() throws {
            let published = try PolicyFiles(directory: directory).published()
            let schema = try ProductSchema.merged(published.schemaFiles)
            if output.json {
                try Output.json(schema.json)
            } else {
                try Output.lines(TerminalText.lines(try schema.text))
            }
        }
    }

    struct ToolSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mcp",
            abstract: "Make a schema from the tools of an MCP server.",
            discussion: """
                The file is what the server answers to `tools/list`. Each tool becomes the action \
                `mcp.SERVER___TOOL` in the groups `mcp.SERVER` and `mcp`; its arguments become \
                `context.input`. What the types of Cedar cannot say is noted on standard error.
                """)

        @Argument(help: "The answer to `tools/list`, as JSON.", completion: .file())
        var file: String

        @Option(help: "The name of the server.")
        var server: String

        @Flag(help: "Names and types as AgentCore Policy has them, with the server as target.")
        var agentcore = false

        @Flag(help: "Print Cedar's JSON syntax.")
        var json = false

        func run() throws {
            let generated: GeneratedSchema
            let hasMore: Bool
            do {
                let manifest = try ToolManifest(json: try CedarFiles.json(file))
                hasMore = manifest.nextCursor != nil
                generated = try ToolSchemaGenerator(
                    agentcore ? .agentCore(target: server) : .exequatur(server: server)
                ).generate(manifest)
            } catch let error as ToolSchemaError {
                throw CLIError("cannot make a schema of `\(file)`: \(error)")
            }
            for note in generated.notes { Output.note("\(note)") }
            if hasMore {
                Output.note("the server has more tools: ask again with its `nextCursor`")
            }
            if json {
                try Output.json(generated.fragment.json)
            } else {
                try Output.lines(TerminalText.lines(generated.fragment.text))
            }
        }
    }
}
