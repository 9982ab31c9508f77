// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

@Suite("HTTP sources")
struct HTTPCollectorTests {
    private let folder: Folder
    private let server: Counterparty

    init() throws {
        folder = try Folder()
        server = try Counterparty(
            [
                "python3", "-I", "\(Corpora.packageRoot)/Tests/Referees/collectors/http_source.py",
                folder.path,
            ], in: folder)
    }

    private var base: String { "http://127.0.0.1:\(server.port)" }

    private func collector(
        _ path: String, _ more: JSONObject = [:]
    ) throws -> any SourceCollector {
        var settings = more
        settings["url"] = .string(base + path)
        // The machine may be busy with a thousand other tests.
        if settings["timeout"] == nil { settings["timeout"] = 300 }
        return try Watching.collector(.http, settings)
    }

    /// What the server was asked.
    private var requests: [JSON] {
        folder.text("requests").split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
    }

    @Test("a document is a subject; the order of its members is none of its properties")
    func document() async throws {
        try folder.write("doc.json", #"{"b":1.0,"a":[9007199254740993]}"#)
        let one = try await Watching.snapshot(collector("/doc"))
        #expect(one.subjects == ["response:document"])
        #expect(
            try one.document("response:document")
                == ["a": [["$number": "9007199254740993"]], "b": 1])
        try folder.write("doc.json", #"{"a": [9007199254740993], "b": 1}"#)
        #expect(try await Watching.snapshot(collector("/doc")) == one)
        try folder.write("doc.json", #"{"a": [9007199254740992], "b": 1}"#)
        #expect(try await Watching.snapshot(collector("/doc")) != one)
    }

    @Test("a server that says that nothing changed is believed, and the times are those of now")
    func notModified() async throws {
        try folder.write("doc.json", #"{"a":1}"#)
        let collector = try collector("/doc")
        let first = try await Watching.observe(collector)
        let second = try await Watching.observe(collector, at: first.ended.milliseconds + 60_000)
        #expect(first.status == .ok)
        #expect(second.status == .ok)
        #expect(second.snapshot == first.snapshot)
        #expect(second.started > first.ended)
        #expect(requests.map { $0["if-none-match"]?.isNull } == [true, false])
        try folder.write("doc.json", #"{"a":2}"#)
        let third = try await Watching.observe(collector)
        #expect(third.snapshot != first.snapshot)
        #expect(requests.count == 3)
    }

    @Test("nothing was known, so that nothing can be unchanged")
    func notModifiedOutOfTheBlue() async throws {
        #expect(try await Watching.failure(collector("/not-modified")).cause == .malformed)
    }

    @Test("secrets come from files, each time anew")
    func headers() async throws {
        try folder.write("doc.json", "{}")
        let file = try folder.write("token", "one\n")
        let settings: JSONObject = [
            "headers": [
                ["header": "Authorization", "prefix": "Bearer ", "file": .string(file)]
            ]
        ]
        let collector = try collector("/doc", settings)
        _ = try await Watching.snapshot(collector)
        try folder.write("token", "two")
        _ = try await Watching.snapshot(collector)
        #expect(requests.map { $0["authorization"] } == ["Bearer one", "Bearer two"])
        try folder.write("token", "two\r\nX-Other: 1")
        #expect(try await Watching.failure(collector).cause == .unreadable)
        #expect(requests.count == 2)
    }

    @Test("pages are followed, and further servers see no secret")
    func pages() async throws {
        let other = try Counterparty(
            [
                "python3", "-I", "\(Corpora.packageRoot)/Tests/Referees/collectors/http_source.py",
                folder.path,
            ], in: folder)
        let file = try folder.write("token", "secret")
        try folder.write("one.json", #"{"items":[1,2],"next":"two?x=1"}"#)
        try folder.write(
            "two.json", #"{"items":[3],"next":"http://127.0.0.1:\#(other.port)/three"}"#)
        try folder.write("three.json", #"{"items":[4],"next":null}"#)
        var settings: JSONObject = [
            "next": "$.next", "allow": [.string("127.0.0.1:\(other.port)")],
            "headers": [["header": "Authorization", "file": .string(file)]],
        ]
        // Without a selection a document of several pages is the list of them.
        let found = try await Watching.snapshot(collector("/one", settings))
        let pages = try #require(try found.document("response:document").arrayValue)
        #expect(pages.map { $0["items"] } == [[1, 2], [3], [4]])
        #expect(requests.map { $0["path"] } == ["/one", "/two?x=1", "/three"])
        #expect(requests.map { $0["authorization"] } == ["secret", "secret", .null])
        settings["allow"] = nil
        let gap = try await Watching.failure(collector("/one", settings))
        #expect(gap.cause == .malformed)
        #expect(gap.detail.contains("`allow`"))
        #expect(requests.count == 5)
    }

    @Test(
        "pages that lead elsewhere or nowhere are refused",
        arguments: [
            #"{"next":"loop"}"#, #"{"next":"http://169.254.169.254/latest"}"#,
            #"{"next":"file:///etc/passwd"}"#, #"{"next":"https://example.com/"}"#,
            #"{"next":"//example.com/"}"#, #"{"next":7}"#, #"{"next":"http://a@127.0.0.1/"}"#,
            #"{"next":"http://127.0.0.1.example.com/"}"#, #"{"next":"\\\\example.com"}"#,
        ])
    func strangePages(_ text: String) async throws {
        try folder.write("loop.json", text)
        let gap = try await Watching.failure(collector("/loop", ["next": "$.next"]))
        #expect(gap.cause == .malformed)
        #expect(requests.count == 1)
    }

    @Test("redirects are not followed")
    func redirect() async throws {
        try folder.write("doc.json", "{}")
        let gap = try await Watching.failure(collector("/redirect"))
        #expect(gap.cause == .malformed)
        #expect(gap.detail.contains("redirects"))
        #expect(requests.count == 1)
    }

    @Test(
        "what is no answer fails, and is never taken for an empty document",
        arguments: ["/status/500", "/status/401", "/status/404", "/nothing", "/status/204"])
    func statuses(_ path: String) async throws {
        #expect(try await Watching.failure(collector(path)).cause == .unreachable)
    }

    @Test("what is no JSON fails")
    func malformed() async throws {
        for text in ["", "<html>", #"{"a":1,"a":2}"#, "{} {}"] {
            try folder.write("doc.json", text)
            #expect(try await Watching.failure(collector("/doc")).cause == .malformed)
        }
    }

    @Test("slow and endless answers end in time", arguments: ["/silent", "/drip"])
    func slow(_ path: String) async throws {
        let gap = try await Watching.failure(collector(path, ["timeout": 1]))
        #expect(gap.cause == .unreachable)
        #expect(gap.detail.contains("1 seconds") || gap.detail.contains("does not answer"))
    }

    @Test("an answer that is too large is not read to its end")
    func endless() async throws {
        let gap = try await Watching.failure(
            collector("/endless", ["maximumBytes": 1_000_000, "timeout": 60]))
        #expect(gap.cause == .tooLarge)
    }

    @Test("nobody there")
    func nobody() async throws {
        let gap = try await Watching.failure(
            Watching.collector(.http, ["url": "http://127.0.0.1:1/x?token=secret"]))
        #expect(gap.cause == .unreachable)
        #expect(!gap.detail.contains("secret"))
    }

    @Test(
        "addresses that could be others than they seem are refused",
        arguments: [
            "http://example.com/", "ftp://example.com/", "https://user@example.com/",
            "https://user:word@example.com/", "https://example.com/#x", "https:///x", "/x", "",
            "http://127.0.0.1.example.com/", "http://0127.0.0.1.evil/", "https://exämple.com/",
            "https://example.com\\@evil/", "https://example.com/ x", "http://[::2]/",
            "http://localhost.evil/", "http://0/", "http://2130706433/",
        ])
    func addresses(_ url: String) {
        #expect(throws: (any Error).self) {
            try Watching.collector(.http, ["url": .string(url)])
        }
    }

    @Test("settings that make no sense are refused")
    func settings() {
        let file: JSON = "/x"
        let wrong: [JSONObject] = [
            ["headers": [["header": "Host", "file": file]]],
            ["headers": [["header": "If-None-Match", "file": file]]],
            ["headers": [["header": "A b", "file": file]]],
            ["headers": [["header": "A", "file": "x"]]],
            ["headers": [["header": "A", "value": "inline"]]], ["select": [:]], ["timeout": 0],
            ["maximumBytes": 0], ["maximumPages": 0], ["accept": "a\r\nb"], ["method": "POST"],
            ["select": ["a": "not a query"]], ["next": "$["],
        ]
        for object in wrong {
            #expect(throws: (any Error).self, "\(JSON.object(object))") {
                try collector("/doc", object)
            }
        }
    }

    @Test("projections: one place gives its value, others give all that they find")
    func projection() async throws {
        try folder.write(
            "doc.json",
            #"{"owner":{"name":"a"},"hooks":[{"url":"x","t":1},{"url":"y","t":2}],"time":1}"#)
        let settings: JSONObject = [
            "select": [
                "owner": "$.owner.name", "urls": "$.hooks[*].url", "second": "$['hooks'][1].url",
                "missing": "$.nobody", "none": "$.nobody[*]",
            ]
        ]
        let found = try await Watching.snapshot(collector("/doc", settings))
        #expect(
            found.subjects == [
                "response:none", "response:owner", "response:second", "response:urls",
            ])
        #expect(try found.document("response:owner") == "a")
        #expect(try found.document("response:second") == "y")
        #expect(try found.document("response:urls") == ["x", "y"])
        #expect(try found.document("response:none") == [])
        try folder.write(
            "doc.json",
            #"{"owner":{"name":"a"},"hooks":[{"url":"x","t":3},{"url":"z","t":4}],"time":2}"#)
        let after = try await Watching.snapshot(collector("/doc", settings))
        #expect(after.changes(from: found) == ["response:second", "response:urls"])
    }

    @Test("values that the source calls secret leave as digests")
    func redaction() async throws {
        try folder.write("doc.json", #"{"token":"hunter2","a":1}"#)
        let redactor = try Watching.redactor(["$.token"])
        let one = try await Watching.observe(collector("/doc"), redactor: redactor)
        let document = try #require(try one.snapshot?.document("response:document"))
        #expect(document["token"]?.isRedacted == true)
        try folder.write("doc.json", #"{"token":"hunter3","a":1}"#)
        let other = try await Watching.observe(collector("/doc"), redactor: redactor)
        #expect(other.snapshot != one.snapshot)
    }
}
