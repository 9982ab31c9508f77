// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import DriftCore
import ServiceTestSupport
import Testing

@testable import Server

@Suite("Drift over the API")
struct DriftRouteTests {
    /// A source whose first look is proposed, with subjects of this many bytes each.
    private func propose(_ api: API, _ count: Int, bytes: Int) async throws {
        let control = api.control
        let id = Handle(constant: "many")
        let source = try DriftSource(
            id: id, kind: .files, scope: "web1", every: 60, assetClass: .medium,
            settings: ["paths": ["/etc"]], observer: TestInstallation.gate)
        try await control.configureDrift(.sourceSet(source), by: TestInstallation.admin)
        let text = JSON.string(String(repeating: "x", count: bytes))
        let leaves = try (0..<count).map { number in
            try Leaf(subject: "file:/etc/\(100_000 + number)", document: ["text": text])
        }
        let now = control.now
        _ = try await control.observe(
            id, Observation(started: now, ended: now, snapshot: try Snapshot(leaves)),
            by: TestInstallation.gate)
    }

    /// All subjects, page by page, and how many pages there were.
    private func pages(_ api: API, _ query: String = "") async throws -> ([String], Int) {
        var (subjects, pages, next): ([String], Int, Int64?) = ([], 0, 0)
        while let offset = next {
            let answer = try await api.get(
                "/v1/drift/sources/many/baseline?offset=\(offset)\(query)", as: "admin")
            let json = try JSON(parsing: answer.bytes, limits: Limits.storedJSON)
            let leaves = try #require(json["leaves"]?.arrayValue)
            #expect(!leaves.isEmpty)
            subjects += leaves.compactMap { $0["subject"]?.stringValue }
            pages += 1
            next = json["next"]?.intValue
        }
        return (subjects, pages)
    }

    @Test("A baseline is read page by page, each leaf once, however many and however long")
    func baselinePages() async throws {
        try await withServer { api in
            try await propose(api, 4_500, bytes: 10)
            let (all, count) = try await pages(api)
            #expect(count == 3)
            #expect(all == (0..<4_500).map { "file:/etc/\(100_000 + $0)" })
            #expect(try await pages(api, "&limit=1000").1 == 5)
        }
        try await withServer { api in
            try await propose(api, 12, bytes: 1_000_000)
            let (all, count) = try await pages(api)
            #expect(all.count == 12 && count == 3)
        }
    }

    @Test("A page that can't be is refused")
    func badPages() async throws {
        try await withServer { api in
            try await propose(api, 3, bytes: 10)
            for query in ["limit=0", "limit=2001", "limit=x", "offset=-1", "offset=x"] {
                let answer = try await api.get(
                    "/v1/drift/sources/many/baseline?\(query)", as: "admin")
                #expect(answer.status == 400 && answer.code == "value_invalid", "\(query)")
            }
            let beyond = try await api.get(
                "/v1/drift/sources/many/baseline?offset=4", as: "admin")
            #expect(try beyond.json()["leaves"] == [])
            #expect(try beyond.json()["next"]?.isNull == true)
        }
    }
}
