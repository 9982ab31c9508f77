// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Cedar
internal import Foundation

extension PolicyCommands {
    /// One layout for all.
    struct Format: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "format",
            abstract: "Bring policies into one layout, in place.",
            discussion: """
                Takes files and folders; of a folder every file that ends in `.cedar`. Comments \
                are kept and the policies mean the same. With `--check` nothing is written, and \
                the status is 1 where something would be. `-` formats standard input.
                """)

        @Argument(help: "Files and folders, or `-`.", completion: .file(extensions: ["cedar"]))
        var paths: [String]

        @Flag(help: "Write nothing; only say what is not in the layout.")
        var check = false

        @Option(help: "The columns that lines should stay within.")
        var width = 80

        func validate() throws {
            guard (20...400).contains(width) else {
                throw ValidationError("--width must be 20 to 400")
            }
        }

        func run() throws {
            var formatter = PolicyFormatter()
            formatter.lineWidth = width
            if paths == ["-"] {
                let limit = CedarFiles.maximumBytes
                let input = FileHandle.standardInput.readData(ofLength: limit + 1)
                guard input.count <= limit else {
                    throw CLIError("standard input is too large: at most \(limit) bytes are read")
                }
                guard let text = String(validating: input, as: UTF8.self) else {
                    throw CLIError("standard input is not UTF-8 text: convert it first")
                }
                try Output.bytes(Array(try formatted(text, "standard input", formatter).utf8))
                return
            }
            // All are read before any is written, so that a mistake in the last changes nothing.
            var changed: [(file: String, text: String)] = []
            for file in try paths.flatMap(Self.files) {
                let text = try LocalFile.readText(file, limit: CedarFiles.maximumBytes)
                let result = try formatted(text, file, formatter)
                if !result.utf8.elementsEqual(text.utf8) { changed.append((file, result)) }
            }
            for (file, text) in changed where !check {
                // Through a link, not in its place.
                let target = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
                try LocalFile.write(Array(text.utf8), to: target)
            }
            try Output.lines(changed.map { TerminalText.escaped($0.file) })
            if check, !changed.isEmpty { throw ExitCode(ExitStatus.failure.rawValue) }
        }

        private func formatted(
            _ text: String, _ name: String, _ formatter: PolicyFormatter
        ) throws -> String {
            do {
                return try formatter.format(text)
            } catch {
                throw CLIError("cannot parse `\(name)`: \(error.errors.first?.description ?? "")")
            }
        }

        private static func files(_ path: String) throws -> [String] {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw CLIError("there is no `\(path)`")
            }
            guard isFolder.boolValue else { return [path] }
            return try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".cedar") && !$0.hasPrefix(".") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
        }
    }
}
