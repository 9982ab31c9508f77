// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

@Suite("Terraform and OpenTofu")
struct TerraformTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    private func collector(
        _ path: String, _ more: JSONObject = ["maximumAge": 1_000_000_000]
    ) throws -> any SourceCollector {
        var settings = more
        settings["path"] = .string(path)
        return try Watching.collector(.terraform, settings)
    }

    private func corpus(_ name: String) throws -> any SourceCollector {
        try collector(
            Corpora.path("terraform/\(name)/output.json"),
            ["maximumAge": 1_000_000_000, "mayBeEmpty": true])
    }

    private func written(_ text: String) throws -> any SourceCollector {
        try collector(folder.write("state.json", text))
    }

    @Test("every file of OpenTofu's tests is read", .corpus("terraform"))
    func allFiles() async throws {
        let files = try #require(
            FileManager.default.enumerator(atPath: Corpora.path("terraform")))
        var (count, resources) = (0, 0)
        for case let name as String in files where name.hasSuffix(".json") {
            count += 1
            let observation = try await Watching.observe(
                corpus(String(name.dropLast("/output.json".count))))
            if name.contains("plan-error") {
                #expect(observation.status == .failed)
                #expect(observation.gaps.first?.detail.contains("error") == true)
            } else {
                #expect(observation.status == .ok, "\(name): \(observation.gaps)")
            }
            resources += observation.snapshot?.leaves.count ?? 0
        }
        #expect(count >= 29)
        #expect(resources >= 20)
    }

    @Test("what a refresh found is told beside the state", .corpus("terraform"))
    func drift() async throws {
        let found = try await Watching.snapshot(corpus("show-json/drift"))
        #expect(
            found.subjects == [
                "drift:test_instance.should_refresh", "resource:test_instance.no_refresh",
                "resource:test_instance.should_refresh",
            ])
        let drift = try found.document("drift:test_instance.should_refresh")
        #expect(drift["before"] == ["ami": "refresh-me", "id": "placeholder"])
        #expect(drift["after"] == ["ami": "refreshed", "id": "placeholder"])
        #expect(drift["actions"] == ["update"])
        // What is planned is no state.
        let resource = try found.document("resource:test_instance.should_refresh")
        #expect(resource["values"]?["ami"] == "refreshed")
    }

    @Test("a resource that moved says where it was", .corpus("terraform"))
    func movedDrift() async throws {
        let found = try await Watching.snapshot(corpus("show-json/moved-drift"))
        let drift = try found.document("drift:test_instance.should_refresh_with_move")
        #expect(drift["previousAddress"] == "test_instance.should_refresh")
        #expect(found["resource:test_instance.should_refresh_with_move"] != nil)
    }

    @Test("secrets are digests, and another secret is another digest", .corpus("terraform"))
    func secrets() async throws {
        let path = Corpora.path("terraform/show-json-state/sensitive-variables/output.json")
        let found = try await Watching.snapshot(collector(path))
        let document = try found.document("resource:test_instance.test")
        let hidden = try #require(document["values"]?["ami"])
        #expect(hidden.isRedacted)
        #expect(document["values"]?["id"] == "621124146446964903")
        let rotated = try Corpora.text(at: path).replacing("\"abc\"", with: "\"abd\"")
        let after = try await Watching.snapshot(written(rotated))
        #expect(after.changes(from: found) == ["resource:test_instance.test"])
        let leaf = try #require(after["resource:test_instance.test"])
        #expect(!String(decoding: leaf.document, as: UTF8.self).contains("abd"))
    }

    @Test("secret outputs of a plan are digests", .corpus("terraform"))
    func secretOutputs() async throws {
        let found = try await Watching.snapshot(corpus("show-json/sensitive-values"))
        let output = try found.document("output:test")
        #expect(output["sensitive"] == true)
        #expect(output["value"]?.isRedacted == true)
        #expect(
            found.leaves.allSatisfy {
                !String(decoding: $0.document, as: UTF8.self)
                    .contains("boop")
            })
    }

    @Test("identities belong to resources", .corpus("terraform"))
    func identity() async throws {
        let found = try await Watching.snapshot(corpus("show-json-identity/update"))
        let document = try found.document("resource:test_instance.test")
        #expect(document["identity"] == ["id": "myid"])
        #expect(document["values"]?["ami"] == "old-ami")
    }

    @Test("modules in modules are read", .corpus("terraform"))
    func modules() async throws {
        let found = try await Watching.snapshot(corpus("show-json-state/modules"))
        #expect(found["resource:module.module_test_foo.test_instance.example[0]"] != nil)
        #expect(try found.document("output:test")["value"] == "baz")
    }

    @Test("an empty state is only taken where that was said", .corpus("terraform"))
    func empty() async throws {
        let path = Corpora.path("terraform/show-json-state/no-state/output.json")
        let gap = try await Watching.failure(collector(path))
        #expect(gap.cause == .malformed)
        #expect(gap.detail.contains("mayBeEmpty"))
        let found = try await Watching.snapshot(corpus("show-json-state/no-state"))
        #expect(found.leaves.isEmpty)
    }

    @Test("masks of every shape hide what they are meant for")
    func masks() async throws {
        let state = """
            {"format_version":"1.0","values":{"root_module":{"resources":[
              {"address":"a","values":{"l":[1,{"x":2,"y":3}],"m":{"k":4},"n":5,"o":null,"p":6},
               "sensitive_values":{"l":[false,{"x":true}],"m":true,"n":"odd","o":true}},
              {"address":"b","values":{"x":"secret"}},
              {"address":"c","values":{"x":"secret"},"sensitive_values":true},
              {"address":"d","values":{"x":["secret"]},"sensitive_values":{"x":{"0":true}}}]}}}
            """
        let found = try await Watching.snapshot(written(state))
        let values = try #require(try found.document("resource:a")["values"])
        #expect(values["l"]?[0] == 1)
        #expect(values["l"]?[1]?["x"]?.isRedacted == true)
        #expect(values["l"]?[1]?["y"] == 3)
        #expect(values["m"]?.isRedacted == true)
        #expect(values["n"]?.isRedacted == true)
        #expect(values["o"] == .null)
        #expect(values["p"] == 6)
        // Nobody said that it is none.
        #expect(try found.document("resource:b")["values"]?.isRedacted == true)
        #expect(try found.document("resource:c")["values"]?.isRedacted == true)
        #expect(try found.document("resource:d")["values"]?["x"]?.isRedacted == true)
    }

    @Test("what is only known after it was applied is marked")
    func unknown() async throws {
        let plan = """
            {"format_version":"1.2","resource_drift":[{"address":"a","change":{"actions":["update"],
              "before":null,"after":{"l":[null,2]},"after_unknown":{"id":true,"l":[true,false]},
              "before_sensitive":false,"after_sensitive":{}}}]}
            """
        let found = try await Watching.snapshot(written(plan))
        #expect(
            try found.document("drift:a")["after"]
                == ["id": ["$unknown": true], "l": [["$unknown": true], 2]])
    }

    @Test(
        "another format is refused",
        arguments: [
            "{}", #"{"format_version":"2.0"}"#, #"{"format_version":"0.2"}"#,
            #"{"format_version":"1"}"#, #"{"format_version":"1.x"}"#, #"{"format_version":1.0}"#,
            #"{"version":4,"serial":3,"resources":[]}"#, "[]", "",
            #"{"format_version":"1.0","values":{"root_module":{"resources":{}}}}"#,
            #"{"format_version":"1.0","values":{"root_module":{"resources":[{}]}}}"#,
        ])
    func otherFormats(_ text: String) async throws {
        #expect(try await Watching.failure(written(text)).cause == .malformed)
    }

    @Test("unknown members are ignored, and an address that is there twice is in no snapshot")
    func future() async throws {
        let state = """
            {"format_version":"1.99","new":[1],"values":{"root_module":{"new":1,"resources":[
              {"address":"a","values":{"x":1},"sensitive_values":{},"new":2},
              {"address":"b","values":{"x":1},"sensitive_values":{}},
              {"address":"b","values":{"x":1},"sensitive_values":{},"deposed_key":"00"},
              {"address":"c","values":{"x":1},"sensitive_values":{}},
              {"address":"c","values":{"x":2},"sensitive_values":{}}]}}}
            """
        let observation = try await Watching.observe(written(state))
        #expect(
            observation.snapshot?.subjects
                == ["resource:a", "resource:b", "resource:b (deposed 00)"])
        #expect(observation.gaps.map(\.subject) == ["resource:c"])
        #expect(observation.gaps.first?.cause == .malformed)
    }

    @Test("a file that nobody writes any more is not taken for the state of now")
    func age() async throws {
        let path = try folder.write(
            "old.json", #"{"format_version":"1.0","values":{"outputs":{"a":{"sensitive":false}}}}"#)
        _ = try await Watching.snapshot(collector(path, [:]))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -100_000)], ofItemAtPath: path)
        #expect(try await Watching.failure(collector(path, [:])).cause == .silent)
        _ = try await Watching.snapshot(collector(path, ["maximumAge": 200_000]))
    }

    @Test("a file that is not there, or no file, can't be read")
    func unreadable() async throws {
        #expect(try await Watching.failure(collector("/nowhere/x")).cause == .unreachable)
        #expect(try await Watching.failure(collector("/dev/zero")).cause == .unreadable)
        #expect(try await Watching.failure(collector(folder.path)).cause == .unreadable)
        #expect(throws: (any Error).self) { try collector("relative.json") }
    }
}
