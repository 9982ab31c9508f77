// SPDX-License-Identifier: Apache-2.0

import Testing

/// Files that hold a table or a corpus and not logic, and may be longer for that.
private let longFiles: [(path: String, limit: Int, reason: String)] = []

@Suite("Shape of the code")
struct ShapeTests {
    private let fileLimit = 400
    private let functionLimit = 70
    /// One more than the formatter's setting, because the formatter itself leaves lines of 101.
    private let columnLimit = 101

    @Test("Files stay within 400 lines")
    func files() {
        report(
            Repository.swiftFiles.compactMap { source in
                let exception = longFiles.first { $0.path == source.path }
                let limit = exception?.limit ?? fileLimit
                let count = source.file.bytes.count { $0 == Byte.newline }
                guard count > limit else { return nil }
                return Finding(
                    path: source.path, line: limit,
                    message: "\(count) lines, at most \(limit): split it by aspect")
            })
    }

    @Test("Functions stay within 70 lines")
    func functions() {
        report(
            Repository.swiftFiles.flatMap { source in
                source.functions.filter { $0.lineCount > functionLimit }.map {
                    Finding(
                        path: source.path, line: $0.firstLine,
                        message: "`\($0.name)` has \($0.lineCount) lines, at most \(functionLimit)")
                }
            })
    }

    @Test("Lines stay within the columns of the formatter")
    func columns() {
        report(Repository.swiftFiles.flatMap { longLines(in: $0) })
    }

    private func longLines(in source: SwiftSource) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in source.file.lines.enumerated()
        where line.utf8.count > columnLimit && line.unicodeScalars.count > columnLimit {
            // What stands in a multi-line string is data, and an address cannot be broken.
            if source.linesInStrings.contains(index) || line.contains("://") { continue }
            findings.append(
                Finding(
                    path: source.path, line: index + 1,
                    message: "\(line.unicodeScalars.count) columns, at most \(columnLimit)"))
        }
        return findings
    }

    @Test("Every source file names its licence at the top")
    func licence() {
        let named = Repository.files.filter { file in
            file.hasExtension("swift", "c", "h", "cedar", "sh", "py", "js", "css")
                || file.bytes.starts(with: Array("#!".utf8))
        }
        report(
            named.filter { file in
                !file.lines.prefix(5).contains {
                    $0.contains("SPDX-License-Identifier: Apache-2.0")
                }
            }.map {
                Finding(
                    path: $0.path, line: 1,
                    message: "add `SPDX-License-Identifier: Apache-2.0` to the first lines")
            })
        #expect(named.count > 10)
    }

    /// Otherwise the argument parser derives it from the type, at every start of the program, by
    /// dynamic casts that search the conformances of the whole program: half of its start.
    @Test("Every command says its name")
    func commandNames() {
        report(
            Repository.swiftFiles.filter { $0.path.hasPrefix("Sources/exequatur/") }
                .flatMap { source in
                    let lines = source.file.lines
                    return lines.indices.filter { index in
                        lines[index].contains("CommandConfiguration(")
                            && !lines[index...].prefix(2).contains { $0.contains("commandName:") }
                    }.map {
                        Finding(path: source.path, line: $0 + 1, message: "give it a `commandName`")
                    }
                })
    }

    @Test("The extent of functions is measured")
    func measurement() {
        let source = SwiftSource(
            path: "A.swift",
            text: """
                protocol P {
                    func required(_ a: Int) -> Int
                    var stored: Int { get }
                }
                struct S {
                    let text = "func fake() {"
                    var stored = 3
                    init(_ a: Int) {
                        self.init()
                    }
                    func f(
                        _ g: () -> Void = { }
                    ) {
                        if true { /* } */ }
                    }
                    var computed: Int {
                        3
                    }
                }
                """)
        #expect(
            source.functions == [
                FunctionExtent(name: "stored", firstLine: 3, lineCount: 1),
                FunctionExtent(name: "init", firstLine: 8, lineCount: 3),
                FunctionExtent(name: "f", firstLine: 11, lineCount: 5),
                FunctionExtent(name: "computed", firstLine: 16, lineCount: 3),
            ])
    }

    @Test("Lines inside multi-line strings are known")
    func multilineStrings() {
        let quotes = String(repeating: "\"", count: 3)
        let source = SwiftSource(
            path: "A.swift", text: "let a = \(quotes)\n  one \\(b(\"x\"))\n  \(quotes)\nlet c = 1\n"
        )
        #expect(source.linesInStrings == [1, 2])
    }
}
