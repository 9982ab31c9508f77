// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("Documents")
struct DocumentTests {
    @Test("The documents a newcomer looks for are there")
    func presence() {
        for path in [
            "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
        ] {
            #expect(Repository.documents.contains { $0.path == path }, "\(path) is missing")
        }
    }

    @Test("README stays within 150 lines")
    func readme() throws {
        let readme = try #require(Repository.documents.first { $0.path == "README.md" })
        #expect(readme.lines.count <= 151)
    }

    @Test("Decision records are numbered without a gap and complete")
    func decisions() {
        let records = Repository.documents.filter { $0.path.hasPrefix("docs/adr/") }
        let names = records.map { $0.path.dropFirst("docs/adr/".count) }.filter {
            $0 != "README.md"
        }
        let numbers = names.map { Int($0.prefix(4)) }
        #expect(numbers == Array(1...max(1, numbers.count)), "found \(names)")
        let headings = ["Context", "Decision", "Consequences", "Alternatives", "Audit impact"]
        for record in records where !record.path.hasSuffix("README.md") {
            for heading in headings {
                #expect(
                    record.lines.contains("## \(heading)"), "\(record.path) lacks `## \(heading)`")
            }
            for field in ["Status: ", "Date: "] {
                #expect(
                    record.lines.contains { $0.hasPrefix(field) }, "\(record.path) lacks `\(field)`"
                )
            }
        }
    }

    @Test("Every relative link leads somewhere")
    func links() {
        let anchors = Dictionary(
            uniqueKeysWithValues: Repository.documents.map { ($0.path, Markdown($0).anchors) })
        report(
            Repository.documents.flatMap { document in
                Markdown(document).links.compactMap { link in
                    link.problem(from: document.path, anchors: anchors).map {
                        Finding(path: document.path, line: link.line, message: $0)
                    }
                }
            })
    }

    @Test("Links, anchors and code blocks are told apart")
    func reading() {
        let document = Markdown(
            SourceFile(
                path: "docs/a.md",
                bytes: Array(
                    """
                    # One `two`, Three!
                    [x](b.md#c) and `[no](no.md)` and [y](https://example.org/ "t").
                    ```
                    # Not a heading
                    [no](no.md)
                    ```
                    [z]: ../README.md
                    """.utf8)))
        #expect(document.anchors == ["one-two-three"])
        #expect(document.links.map(\.target) == ["b.md#c", "https://example.org/", "../README.md"])
        #expect(document.links.map(\.line) == [2, 2, 7])
        let anchors: [String: Set<String>] = ["docs/b.md": ["c"]]
        let bad = Markdown.Link(target: "b.md#d", line: 1)
        #expect(bad.problem(from: "docs/a.md", anchors: anchors) == "`b.md#d`: no heading `d`")
        let missing = Markdown.Link(target: "../nowhere.md", line: 1)
        #expect(
            missing.problem(from: "docs/a.md", anchors: anchors) == "`../nowhere.md`: no such file")
    }
}
