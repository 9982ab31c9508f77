// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("Banned calls")
struct BanTests {
    @Test("No banned call stands outside its allowances", arguments: Ban.all)
    func banned(_ ban: Ban) {
        report(Repository.swiftFiles.flatMap { ban.findings(in: $0) })
    }

    @Test("Every allowance is still needed and says why")
    func allowances() {
        for allowance in Allowance.all {
            #expect(!allowance.reason.isEmpty)
            let bans = Ban.all.filter { $0.token == allowance.token }
            #expect(!bans.isEmpty, "no ban is called `\(allowance.token)`")
            let used = Repository.swiftFiles.contains { file in
                allowance.covers(allowance.token, in: file.path)
                    && bans.contains { !$0.breaches(in: file).isEmpty }
            }
            #expect(
                used,
                "`\(allowance.token)` no longer occurs in \(allowance.path): remove the allowance")
        }
    }

    @Test("No marker of unfinished work is left in a file")
    func markers() {
        // In two pieces, so that this file passes.
        let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        var findings: [Finding] = []
        for file in Repository.files {
            for marker in markers {
                findings += file.bytes.occurrences(of: marker).map {
                    Finding(
                        path: file.path, line: file.bytes.line(at: $0),
                        message: "`\(marker)`: finish it, or say what holds now")
                }
            }
        }
        report(findings)
    }

    @Test("A ban sees code and neither prose nor longer names")
    func detection() {
        let ban = Ban(token: "Date()", reason: "r", instead: "i")
        let source = SwiftSource(
            path: "Sources/X/A.swift",
            text: """
                // Date()
                let a = "Date()"
                let b = UpDate()
                let c = "\\(Date())"
                let d = #"Date() \\(Date()) \\#(Date())"#
                let e = Date()
                """)
        #expect(ban.findings(in: source).map(\.line) == [4, 5, 6])
    }

    @Test("A ban spares a call with the argument that makes it right")
    func argument() {
        let ban = Ban(token: ".random(", reason: "r", instead: "i", unlessArgument: "using:")
        let source = SwiftSource(
            path: "Sources/X/A.swift",
            text: """
                Int.random(in: 0..<f(3), using: &g)
                Bool.random()
                foo(Int.random(in: 1...2), using: g)
                """)
        #expect(ban.findings(in: source).map(\.line) == [2, 3])
    }
}

extension Ban {
    /// Byte offsets of every breach, allowed or not.
    func breaches(in source: SwiftSource) -> [Int] {
        guard folders.contains(where: source.path.hasPrefix) else { return [] }
        return source.occurrences(of: token).filter { start in
            guard let unlessArgument else { return true }
            return !source.arguments(ofCallAt: start).contains(unlessArgument)
        }
    }

    func findings(in source: SwiftSource) -> [Finding] {
        guard !Allowance.all.contains(where: { $0.covers(token, in: source.path) }) else {
            return []
        }
        return breaches(in: source).map {
            Finding(
                path: source.path, line: source.line(at: $0),
                message: "`\(token)`: \(reason); \(instead)")
        }
    }
}

extension SwiftSource {
    /// The text between the parentheses of the call whose name begins at `start`.
    func arguments(ofCallAt start: Int) -> String {
        guard let open = code[start...].firstIndex(of: UInt8(ascii: "(")) else { return "" }
        var depth = 0
        for position in open..<code.count {
            if code[position] == UInt8(ascii: "(") { depth += 1 }
            if code[position] == UInt8(ascii: ")") { depth -= 1 }
            if depth == 0 { return String(decoding: code[open...position], as: UTF8.self) }
        }
        return ""
    }
}
