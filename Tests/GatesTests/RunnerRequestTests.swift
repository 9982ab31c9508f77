// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ExequaturClient
import Foundation
import Testing

@testable import Gates

@Suite struct RunnerRequestTests {
    private static let whole = RunnerRequest(
        arguments: ["sh", "-c", "a\n\u{1F600}"], reason: "why", wait: .seconds(90),
        input: .bytes([0, 255, 10]), variables: ["RELEASE": "4.2"], bindings: ["a", "/b"],
        directory: "/srv",
        effects: [["path": "/a", "post": 1, "scope": "here", "subject": "file:/etc/app"]],
        affects: ["file:/etc/other"])

    @Test func whatIsSentIsWhatIsRead() throws {
        let read = try RunnerRequest(try Self.whole.json.canonicalBytes())
        #expect(read == Self.whole)
        let least = RunnerRequest(
            arguments: ["true"], reason: nil, wait: .zero, input: .null, variables: [:],
            bindings: [], directory: nil)
        #expect(try RunnerRequest(try least.json.canonicalBytes()) == least)
        #expect(
            try RunnerRequest(Array(#"{"argv":["true"],"wait":0,"stdin":""}"#.utf8)) == least)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"argv":["a"]}"#, #"{"wait":1}"#, #"{"argv":"a","wait":1}"#,
        #"{"argv":["a"],"wait":-1}"#, #"{"argv":["a"],"wait":604801}"#,
        #"{"argv":["a"],"wait":1.5}"#, #"{"argv":["a"],"wait":1,"script":"x"}"#,
        #"{"argv":["a"],"argv":["b"],"wait":1}"#, #"{"argv":["a"],"wait":1,"stdin":"*"}"#,
        #"{"argv":["a\u0000b"],"wait":1}"#, #"{"argv":["a"],"wait":1,"bind":["x\u0000"]}"#,
        #"{"argv":["a"],"wait":1,"directory":""}"#,
        #"{"argv":["a"],"wait":1,"environment":{"A":"b\u0000c"}}"#,
        #"{"argv":["a"],"wait":1,"environment":{"A":1}}"#,
        #"{"argv":["\ud800"],"wait":1}"#,
        #"{"argv":["a"],"wait":1,"affects":["/etc/app"]}"#,
        #"{"argv":["a"],"wait":1,"affects":["file:app"]}"#,
        #"{"argv":["a"],"wait":1,"affects":["file:/a\u0000b"]}"#,
        #"{"argv":["a"],"wait":1,"effects":{}}"#,
    ])
    func malformedOnesAreRefused(text: String) {
        let refusal = #expect(throws: RunnerRefusal.self) {
            try RunnerRequest(Array(text.utf8))
        }
        #expect(refusal?.kind == .malformed)
    }

    @Test func limitsHold() {
        func refused(_ change: (inout RunnerRequest) -> Void) -> Bool {
            var request = Self.whole
            change(&request)
            return (try? RunnerRequest((try? request.json.canonicalBytes()) ?? [])) == nil
        }
        #expect(!refused { $0.reason = String(repeating: "r", count: 16_384) })
        #expect(refused { $0.reason = String(repeating: "r", count: 16_385) })
        #expect(!refused { $0.input = .bytes(Array(repeating: 1, count: 1_048_576)) })
        #expect(refused { $0.input = .bytes(Array(repeating: 1, count: 1_048_577)) })
        #expect(refused { $0.bindings = [String(repeating: "p", count: 4_097)] })
        #expect(refused { $0.variables = ["A": String(repeating: "v", count: 32_768)] })
        #expect(
            refused { request in
                for number in 0..<65 { request.variables["A\(number)"] = "" }
            })
        #expect(refused { $0.arguments = [String(repeating: "a", count: 4_194_304)] })
    }
}

@Suite struct RunnerFrameTests {
    private static let action = PendingAction(
        id: "act_1", digest: "ab", version: 3, reasons: ["r"], decisions: [], eligible: ["Bob"],
        deadline: "2026-11-30T09:00:00.000Z", url: nil, remaining: 12)

    @Test(
        arguments: [
            .waiting(action), .reconnecting("why"), .cleared("act_1"), .beat,
            .output(.output, [0, 10, 255]), .output(.error, []),
            .end(RunnerEnd(exitCode: 0, failure: nil)),
            .end(RunnerEnd(exitCode: 77, failure: "no", isAlarm: true, notes: ["a", "b"])),
        ] as [RunnerFrame])
    func whatIsSentIsWhatIsRead(frame: RunnerFrame) throws {
        let line = frame.line
        #expect(line.filter { $0 == 10 }.count == 1)
        #expect(line.last == 10)
        #expect(try RunnerFrame.read(line.dropLast()) == frame)
    }

    @Test func unknownKindsArePassedOverAndBrokenOnesRefused() throws {
        #expect(try RunnerFrame.read(Array(#"{"type":"later"}"#.utf8)) == nil)
        for text in [
            "", "{", "{}", #"{"type":"output","stream":"3","data":""}"#,
            #"{"type":"output","stream":"stdout","data":"*"}"#,
            #"{"type":"end","exitCode":256,"alarm":false,"notes":[]}"#,
            #"{"type":"end","alarm":false,"notes":[]}"#,
        ] {
            #expect(throws: RunnerRefusal.self, "\(text)") {
                try RunnerFrame.read(Array(text.utf8))
            }
        }
    }

    @Test func linesAreCutWhereverTheBytesCome() throws {
        let text = Array("one\n\ntwo\nrest".utf8)
        for size in 1...text.count {
            var cutter = LineCutter(limit: 4)
            var lines: [[UInt8]] = []
            for start in stride(from: 0, to: text.count, by: size) {
                lines += try cutter.take(text[start..<min(start + size, text.count)])
            }
            #expect(lines == [Array("one".utf8), [], Array("two".utf8)])
        }
        var cutter = LineCutter(limit: 2)
        #expect(throws: RunnerRefusal.self) { try cutter.take(Array("abc\n".utf8)) }
    }
}
