// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import Foundation
import Hummingbird
import ServiceTestSupport
import TestSupport
import Testing

@testable import Server

/// The document, as it stands in the tree.
private let document = Result {
    try JSON(
        parsing: try Corpora.bytes(
            at: "\(Corpora.packageRoot)/Sources/CResources/openapi.json"))
}

/// The problem codes that the document lists.
func openAPICodes() throws -> Set<String> {
    let codes = try document.get()["components"]?["schemas"]?["Problem"]?["properties"]?["code"]
    return Set((codes?["enum"]?.arrayValue ?? []).compactMap(\.stringValue))
}

/// The document's path for one of the test's.
private func template(_ path: String) throws -> String {
    let paths = try #require(try document.get()["paths"]?.objectValue)
    let segments = path.split(separator: "?")[0].split(separator: "/")
    let matching = paths.map(\.key).filter { key in
        let pattern = key.split(separator: "/")
        if key == "/log/tile/{path}" { return path.hasPrefix("/log/tile/") }
        return pattern.count == segments.count
            && zip(pattern, segments).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
    }
    // `/v1/policies/check` before `/v1/policies/{id}` and the like.
    return try #require(
        matching.min { $0.count { $0 == "{" } < $1.count { $0 == "{" } },
        "`\(path)` is not in openapi.json")
}

/// Asserts that the document knows this answer of this route, and describes its body.
func expectDocumented(_ route: Route, _ answer: Answer) throws {
    let operation = try #require(
        try document.get()["paths"]?[try template(route.path)]?[
            route.method.rawValue.lowercased()],
        "`\(route.testDescription)` is not in openapi.json")
    var response = try #require(
        operation["responses"]?["\(answer.status)"],
        "\(route.testDescription) answers \(answer.status), which openapi.json does not list")
    if let reference = response["$ref"]?.stringValue { response = try resolve(reference) }
    guard let content = response["content"]?.objectValue else { return }
    let type = answer.headers[.contentType]?.split(separator: ";")[0].description ?? "?"
    let described = try #require(content[type], "\(route.testDescription): \(type)")
    guard type.hasSuffix("json"), answer.text != "{}", let schema = described["schema"] else {
        return
    }
    var validator = SchemaValidator(resolve: resolve)
    validator.validate(try answer.json(), schema, "")
    #expect(validator.findings.isEmpty, "\(route.testDescription): \(answer.text)")
}

private func resolve(_ reference: String) throws -> JSON {
    var json = try document.get()
    for key in reference.dropFirst(2).split(separator: "/") {
        json = try #require(json[String(key)], "`\(reference)` leads nowhere")
    }
    return json
}

@Suite("OpenAPI")
struct OpenAPITests {
    /// HTML pages and their forms are not part of the API.
    private static func isConsole(_ path: String) -> Bool {
        [
            "/", "/history", "/ledger", "/policies", "/directory", "/sign-in", "/account",
            "/channels", "/drift", "/device", "/seal",
        ].contains(path)
            || ["/actions/", "/batches/", "/console/", "/assets/", "/drift/", "/sign-in/"]
                .contains { path.hasPrefix($0) }
    }

    @Test("Every route is in the document, and every path of the document is a route")
    func routes() async throws {
        let installation = try await TestInstallation()
        let router = try ExequaturServer.router(installation.control, openAPI: [])
        let served = Set(
            router.routes.map { route in
                let path = "\(route.path)".replacing("**", with: "{path}")
                    .replacing(/:([a-z]+)/) { "{\($0.output.1)}" }
                return (path, "\(route.method) \(path)")
            }.filter { !Self.isConsole($0.0) }.map(\.1))
        let paths = try #require(try document.get()["paths"]?.objectValue)
        let described = Set(
            paths.flatMap { path, item in
                (item.objectValue?.map(\.key) ?? []).map { "\($0.uppercased()) \(path)" }
            })
        #expect(served.subtracting(described).sorted() == [])
        #expect(described.subtracting(served).sorted() == [])
        #expect(served.count > 40)
    }

    @Test("Every problem code in the code is in the document, and the other way round")
    func problemCodes() throws {
        var used = Set(Refusal.Code.allCases.map(\.rawValue))
        used.formUnion(["credentials_missing", "credentials_invalid", "credentials_expired"])
        for target in [
            "Server", "Server/Channels", "Server/Drift", "ControlPlane", "ControlPlane/Drift",
        ] {
            let folder = "\(Corpora.packageRoot)/Sources/\(target)"
            for name in try Corpora.names(in: folder) where name.hasSuffix(".swift") {
                let text = try Corpora.text(at: "\(folder)/\(name)")
                used.formUnion(
                    text.matches(of: /code:\s*"([a-z_]+)"/).map { String($0.output.1) })
                used.formUnion(
                    text.matches(of: /(?:Problem|self\.init)\(\s*[\w.]+,\s*"([a-z_]+)"/)
                        .map { String($0.output.1) })
            }
        }
        let listed = try openAPICodes()
        #expect(used.subtracting(listed).sorted() == [])
        #expect(listed.subtracting(used).sorted() == [])
        #expect(used.count > 50)
    }

    @Test("Every reference leads somewhere and every schema is used")
    func references() throws {
        let json = try document.get()
        var used: Set<String> = []
        func walk(_ json: JSON) throws {
            if let reference = json["$ref"]?.stringValue {
                _ = try resolve(reference)
                used.insert(reference)
            }
            for (_, value) in json.objectValue ?? [:] { try walk(value) }
            for value in json.arrayValue ?? [] { try walk(value) }
        }
        try walk(json)
        for kind in ["schemas", "responses"] {
            let names = json["components"]?[kind]?.objectValue?.map(\.key) ?? []
            #expect(!names.isEmpty)
            #expect(names.filter { !used.contains("#/components/\(kind)/\($0)") } == [])
        }
        #expect(json["openapi"]?.stringValue == "3.1.0")
    }

    @Test("The states and codes of the document are those of the program")
    func enumerations() throws {
        let schemas = try #require(try document.get()["components"]?["schemas"])
        func values(_ name: String) -> Set<String> {
            Set((schemas[name]?["enum"]?.arrayValue ?? []).compactMap(\.stringValue))
        }
        #expect(values("State") == Set(ActionStatus.allCases.map(\.rawValue)))
        #expect(values("Assurance") == Set(Assurance.allCases.map(\.rawValue)))
        #expect(values("Severity") == Set(Severity.allCases.map(\.rawValue)))
        #expect(values("OutcomeStatus") == Set(OutcomeStatus.allCases.map(\.rawValue)))
    }
}
