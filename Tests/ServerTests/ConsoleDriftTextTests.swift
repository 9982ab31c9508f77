// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Console
import DriftCore
import HTTPTypes
import Testing
import TransparencyLog

@testable import Server

/// What files and agents wrote, on the pages of drift.
@Suite("Text of drift in the console")
struct ConsoleDriftTextTests {
    @Test("Hostile subjects and values stay text, and long ones are cut visibly")
    func hostile() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let subject = "file:/<script>alert(1)</script>\"\u{301} onload=x\u{202E}\u{200B}"
            let long = String(repeating: "a", count: 100_000)
            let value: JSON = .string(
                "</pre><img src=x onerror=alert(1)>\u{202E}\u{2066}{{{csrf}}}")
            try await watch.observe([subject: "0644", "file:/long": "short"])
            let admin = try await Browser.signIn(api, as: "admin")
            let proposed = try await admin.get(ConsoleWatch.page)
            let root = try #require(try watch.machine.proposed?.root.hex)
            _ = try await admin.post(
                "/console\(ConsoleWatch.page)/approve",
                [("csrf", try await admin.field("csrf", of: "/drift")), ("expect", root)])
            try await watch.observe([subject: value, "file:/long": .string(long)])
            var pages = [proposed.text]
            for id in try watch.machine.episodes.keys.map(\.hex) {
                pages.append(try await admin.get("/drift/deviations/\(id)").text)
            }
            #expect(pages.count == 3)
            for path in ["/drift", ConsoleWatch.page] {
                pages.append(try await admin.get(path).text)
            }
            for page in pages {
                #expect(!page.contains("<script>") && !page.contains("<img"))
                #expect(
                    !page.unicodeScalars.contains {
                        "\u{202E}\u{2066}\u{200B}".unicodeScalars.contains($0)
                    })
                #expect(page.utf8.count < 60_000)
            }
            #expect(pages.contains { $0.contains("\\u202e") && $0.contains("&lt;img src=x") })
            let cut = try #require(
                pages.first {
                    $0.contains("cut: 100002 bytes, SHA-256 ") && $0.contains("The whole document")
                })
            #expect(!cut.contains("/accept\""), "what is not shown in full can't be accepted here")
            #expect(cut.contains("/acknowledge\""))
            // Nor by a tick in the list of the source.
            #expect(pages.last?.contains("Too long to be chosen here") == true)
        }
    }

    @Test("A value that is only kept as its digest is not taken for the whole")
    func digests() async throws {
        try await withServer { api in
            let watch = try await ConsoleWatch(api)
            let long = String(repeating: "b", count: 5_000)
            let id = try await watch.drift(from: "0644", to: long)
            let admin = try await Browser.signIn(api, as: "admin")
            let list = try await admin.get(ConsoleWatch.page).text
            #expect(list.contains("only its digest is kept") && !list.contains("name=\"d_"))
            // Its own page has it in full, from the observation.
            let page = try await admin.get("/drift/deviations/\(id)").text
            #expect(page.contains(long) && page.contains("/accept\""))
        }
    }

    @Test("Nothing and null are told apart, and what could deceive is written as an escape")
    func values() throws {
        #expect(DocumentText.value(nil, limit: 100) == DriftValue(text: nil, cut: nil))
        #expect(DocumentText.value(.null, limit: 100) == DriftValue(text: "null", cut: nil))
        let hostile: JSON = ["\u{202E}a": "\\u202e \u{7F} \u{E0041} \n é"]
        let text = try #require(DocumentText.value(hostile, limit: 100).text)
        #expect(text.unicodeScalars.allSatisfy { $0 == "é" || (0x20..<0x7F).contains($0.value) })
        let parsed = try JSON(parsing: Array(text.utf8))
        #expect(parsed == hostile, "still the same JSON: \(text)")
        #expect(text.contains("\\\\u202e") && text.contains("{\"\\u202ea\""))
    }

    @Test("A cut is between scalars and says how much there is")
    func cuts() throws {
        let json: JSON = .string(String(repeating: "é", count: 50))
        for limit in 1...101 {
            let value = DocumentText.value(json, limit: limit)
            let text = try #require(value.text)
            #expect(text.hasSuffix("…") && !text.contains("\u{FFFD}"))
            #expect(text.utf8.count <= limit + 3)
            #expect(value.cut?.hasPrefix("cut: 102 bytes, SHA-256 ") == true)
        }
        #expect(DocumentText.value(json, limit: 102).cut == nil)
    }

    @Test("The changed place is marked, with everything below it")
    func marks() throws {
        let document: JSON = ["a": ["b": [1, ["c": true]], "d": [:]], "e": []]
        func marked(_ pointer: String) throws -> [String] {
            let place = try JSONPointer(parsing: pointer)
            return DocumentText.lines(document, changed: place).filter { $0.kind == .changed }
                .map { $0.text.trimmingPrefix { $0 == " " } }.map(String.init)
        }
        #expect(try marked("/a/b/1") == ["{", "\"c\": true", "}"])
        #expect(try marked("/a/b") == ["\"b\": [", "1,", "{", "\"c\": true", "}", "],"])
        #expect(try marked("/e") == ["\"e\": []"])
        #expect(try marked("/nothing").isEmpty)
        #expect(try marked("").count == DocumentText.lines(document).count)
        let whole = DocumentText.lines(document).map(\.text).joined()
        let parsed = try JSON(parsing: Array(whole.utf8))
        #expect(parsed == document)
    }

    @Test("Of a long document the changed place is shown, and how much is not")
    func omissions() throws {
        let document: JSON = .array((0..<2_000).map { .int($0) })
        for place in [0, 1, 700, 1_999] {
            let lines = DocumentText.lines(
                document, changed: try JSONPointer(parsing: "/\(place)"))
            #expect(lines.contains { $0.kind == .changed }, "\(place)")
            let shown = lines.count { $0.kind != .omission }
            #expect(shown == DocumentText.lines)
            let left = lines.filter { $0.kind == .omission }.compactMap {
                Int($0.text.split(separator: " ")[1])
            }
            #expect(left.reduce(shown, +) == 2_002, "every line is shown or counted")
        }
        let wide = DocumentText.lines(.string(String(repeating: "x", count: 5_000)))
        #expect(wide.count == 1 && wide[0].text.hasSuffix("… (cut)"))
    }
}
