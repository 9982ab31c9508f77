// SPDX-License-Identifier: Apache-2.0

import Testing

/// Words that promise what no software can show.
///
/// In two pieces, so that this file passes.
private let forbiddenClaims = [
    "tamper-" + "proof", "tamper" + "proof", "un" + "hackable", "hack-" + "proof",
    "unbreak" + "able", "bullet" + "proof", "bullet-" + "proof", "military-" + "grade",
    "bank-" + "grade", "enterprise-" + "grade", "100% " + "secure", "100 % " + "secure",
    "completely " + "secure", "fully " + "secure", "cannot be " + "bypassed",
    "impossible to " + "bypass", "compl" + "iant", "FI" + "PS", "zero " + "risk",
    "guaranteed " + "secure", "blazing" + "ly",
]

@Suite("Claims")
struct ClaimTests {
    @Test("No document promises what nothing shows")
    func claims() {
        report(Repository.files.filter(isPublic).flatMap { findings(in: $0) })
    }

    @Test("An agent hook is never called a boundary without saying that it is advisory")
    func hooks() {
        report(
            Repository.documents.flatMap { document in
                paragraphs(of: document).filter { paragraph in
                    let text = paragraph.text.lowercased()
                    return text.contains("hook") && text.contains("boundary")
                        && !text.contains("advisory") && !text.contains("not a ")
                }.map {
                    Finding(
                        path: document.path, line: $0.line, message: "say that hooks are advisory")
                }
            })
    }

    @Test("A forbidden claim is found, whatever its case")
    func detection() {
        let claim = "This is TAMPER-" + "Proof."
        let file = SourceFile(path: "README.md", bytes: Array("Fine.\n\(claim)\n".utf8))
        #expect(findings(in: file).map(\.line) == [2])
    }

    /// What somebody reads who decides whether to trust this software.
    private func isPublic(_ file: SourceFile) -> Bool {
        file.hasExtension("md", "cedar", "mustache", "html")
            || file.path.hasPrefix("Sources/Console/") || file.path.hasPrefix("demo/")
    }

    private func findings(in file: SourceFile) -> [Finding] {
        let text = file.text.lowercased()
        let present = forbiddenClaims.filter { text.contains($0.lowercased()) }
        guard !present.isEmpty else { return [] }
        return file.lines.enumerated().flatMap { index, line in
            let line = line.lowercased()
            return present.filter { line.contains($0.lowercased()) }.map {
                Finding(
                    path: file.path, line: index + 1, message: "`\($0)` claims what nothing shows")
            }
        }
    }

    private func paragraphs(of file: SourceFile) -> [(text: String, line: Int)] {
        var found: [(text: String, line: Int)] = []
        var isOpen = false
        for (index, line) in file.lines.enumerated() {
            if line.isEmpty {
                isOpen = false
            } else if isOpen {
                found[found.count - 1].text += " \(line)"
            } else {
                found.append((String(line), index + 1))
                isOpen = true
            }
        }
        return found
    }
}
