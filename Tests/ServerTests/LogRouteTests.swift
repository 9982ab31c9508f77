// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import Server

@Suite("The log over HTTP")
struct LogRouteTests {
    @Test("Whoever fetches tiles and entries rebuilds the signed root")
    func rebuild() async throws {
        try await withServer(configure: { $0.submissionBurst = 1000 }) { api in
            for number in 0..<120 {
                _ = try await api.submit("allow", name: "\(number)", nonce: nonce1)
            }
            let note = try await api.get("/log/checkpoint", as: nil)
            #expect(note.headers[.cacheControl] == "no-cache")
            let vkey = try await api.get("/log/vkey", as: nil).text
            let key = try VerifierKey(vkey: String(vkey.dropLast()))
            let checkpoint = try Checkpoint.verified(note.text, key: key)
            #expect(checkpoint.size > 256)

            // From the entries …
            var tree = MerkleFrontier()
            var leaves: [Hash256] = []
            for index in 0...(checkpoint.size / 256) {
                let width = Int(min(256, checkpoint.size - index * 256))
                if width == 0 { continue }
                let path = TilePath.path(.entries(index: index, width: width))
                let answer = try await api.get("/log/\(path)", as: nil)
                #expect(answer.status == 200)
                for entry in try EntryBundle.decode(answer.bytes) {
                    leaves.append(MerkleHash.leaf(entry))
                    tree.append(MerkleHash.leaf(entry))
                }
            }
            #expect(tree.size == checkpoint.size)
            #expect(tree.root() == checkpoint.root)

            // … and from the tiles, of which the full one may be kept for ever.
            let full = try await api.get("/log/tile/0/000", as: nil)
            #expect(full.headers[.cacheControl] == "public, max-age=31536000, immutable")
            var hashes = try Tile.decode(full.bytes)
            let rest = Int(checkpoint.size - 256)
            hashes += try Tile.decode(
                try await api.get("/log/tile/0/001.p/\(rest)", as: nil).bytes)
            #expect(hashes == leaves)
            let above = try Tile.decode(try await api.get("/log/tile/1/000.p/1", as: nil).bytes)
            #expect(above.count == 1)
            var first = MerkleFrontier()
            for leaf in leaves.prefix(256) { first.append(leaf) }
            #expect(above == [first.root()])
            // A partial tile of an earlier size stays there.
            #expect(
                try await api.get("/log/tile/0/000.p/17", as: nil).bytes
                    == Array(full.bytes.prefix(17 * 32)))
        }
    }

    @Test(
        "Tiles that are not there are 404, however large their index",
        arguments: [
            "tile/0/001", "tile/0/000", "tile/9/000.p/1", "tile/63/000", "tile/0/000.p/0",
            "tile/0/000.p/256", "tile/0/000.p/255", "tile/0/x000/000", "tile/0/999",
            "tile/entries/001", "tile/entries/000", "tile/-1/000", "tile/0/0", "tile/0",
            "tile/0/x999/x999/x999/x999/x999/999", "tile/entries/x999/x999/x999/x999/x999/999",
            "tile/entries/x018/x446/x744/x073/x709/x551/615",
            "tile/8/x018/x446/x744/x073/x709/x551/615", "tile/entries/x072/x057/x594/x037/x927/936",
        ])
    func missing(_ path: String) async throws {
        try await withServer { api in
            let answer = try await api.get("/log/\(path)", as: nil)
            #expect(answer.status == 404)
            #expect(answer.code == "no_such_tile")
            #expect(try await api.get("/healthz", as: nil).status == 200)
        }
    }

    @Test("The audit gives every entry with what it commits to, to persons only")
    func audit() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let size = api.control.writer.head.size
            let all = try #require(try await api.get("/v1/audit?limit=1000").json().arrayValue)
            #expect(UInt64(all.count) == size)
            #expect(all.last?["leaf"]?.text("ref") == action.id)
            #expect(all.last?["body"]?["action"]?["operation"] == API.operation("review"))
            let page = try await api.get("/v1/audit?from=3&limit=2").json()
            #expect(page.arrayValue?.map { $0["index"]?.intValue } == [3, 4])
            // That somebody reads it is an entry, too, once an hour.
            #expect(api.control.writer.head.size == size + 1)
            for query in ["from=\(size + 1)", "from=18446744073709551615", "limit=0"] {
                #expect(try await api.get("/v1/audit?\(query)").json() == [], "\(query)")
            }
            for query in ["from=-1", "from=x", "limit=x", "from=18446744073709551616"] {
                #expect(try await api.get("/v1/audit?\(query)").code == "value_invalid")
            }
        }
    }

    @Test("Metrics are in the Prometheus text format")
    func metrics() async throws {
        try await withServer { api in
            _ = try await api.submit("allow")
            _ = try await api.get("/v1/status", as: "nonsense")
            let answer = try await api.get("/metrics", as: nil)
            #expect(answer.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
            let lines = answer.text.split(separator: "\n")
            #expect(lines.contains("exequatur_actions_submitted_total 1"))
            #expect(lines.contains("exequatur_authentication_failures_total 1"))
            #expect(lines.contains("exequatur_ready 1"))
            for line in lines where !line.hasPrefix("# TYPE ") {
                #expect(line.wholeMatch(of: /exequatur_[a-z_]+ [0-9]+/) != nil, "\(line)")
            }
        }
    }

    @Test("Metrics say of each source of drift how it stands")
    func driftMetrics() async throws {
        try await withServer { api in
            let source: JSON = [
                "class": "medium", "every": 60, "id": "app", "kind": "files", "observer": "run",
                "scope": "web1", "settings": ["paths": ["/etc"]],
            ]
            let set = try await api.post("/v1/drift/sources", source, as: "admin")
            #expect(set.status == 201, "\(set.text)")
            let lines = try await api.get("/metrics", as: nil).text.split(separator: "\n")
            for (name, value) in [
                ("open", 0), ("gaps", 0), ("baseline_approved", 0),
                ("observed_timestamp_seconds", 0),
            ] {
                let metric = "exequatur_drift_\(name)"
                #expect(lines.contains("# TYPE \(metric) gauge"))
                #expect(lines.contains("\(metric){source=\"app\"} \(value)"), "\(metric)")
            }
        }
    }
}
