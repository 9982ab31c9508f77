// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Console

@Suite struct AssetTests {
    private static let names = [
        "app.css", "app.js", "passkey.js", "favicon.svg", "mark.svg", "band.svg", "rosette.svg",
    ]

    @Test(arguments: names)
    func assetsAreFoundByTheirHashedPathOnly(_ name: String) throws {
        let renderer = try Shared.renderer()
        let asset = try #require(renderer.asset(named: name))
        #expect(!asset.bytes.isEmpty)
        #expect(asset.path == "/assets/\(EmbeddedFiles.contentHash(asset.bytes))/\(name)")
        #expect(asset.etag == "\"\(EmbeddedFiles.contentHash(asset.bytes))\"")
        #expect(renderer.asset(path: asset.path) == asset)
        #expect(renderer.asset(path: "/assets/0000000000000000/\(name)") == nil)
        #expect(renderer.asset(path: asset.path + "/../app.js") == nil)
    }

    @Test func templatesAreNotServed() throws {
        let renderer = try Shared.renderer()
        for (name, _) in EmbeddedFiles.templates() {
            #expect(renderer.asset(named: "\(name).mustache") == nil)
        }
        #expect(renderer.asset(named: "../app.css") == nil)
    }

    @Test func fingerprintIsFNV1a() {
        #expect(EmbeddedFiles.contentHash([]) == "cbf29ce484222325")
        #expect(EmbeddedFiles.contentHash(Array("a".utf8)) == "af63dc4c8601ec8c")
        #expect(EmbeddedFiles.contentHash(Array("foobar".utf8)) == "85944171f73967e8")
    }

    @Test func theStyleSheetNamesOnlyHashedFilesOfOurs() throws {
        let renderer = try Shared.renderer()
        let sheet = String(
            decoding: try #require(renderer.asset(named: "app.css")).bytes, as: UTF8.self)
        let targets = sheet.split(separator: "url(").dropFirst().map { piece in
            String(piece.prefix { $0 != ")" })
        }
        #expect(targets.count >= 4)
        for target in targets { #expect(renderer.asset(path: target) != nil, "\(target)") }
        #expect(!sheet.contains("@import") && !sheet.contains("http") && !sheet.contains("data:"))
    }

    @Test func theScriptSubmitsNothingAndWritesNoMarkup() throws {
        let asset = try #require(try Shared.renderer().asset(named: "app.js"))
        let script = String(decoding: asset.bytes, as: UTF8.self)
        for banned in [
            ".submit", "requestSubmit", "innerHTML", "outerHTML", "insertAdjacentHTML",
            "document.write", "eval(",
            "Function(", "localStorage", "http:", "https:", "method:", ".style",
        ] {
            #expect(!script.contains(banned), "`\(banned)`")
        }
    }

    @Test func theScriptOfPasskeysSendsOnlyTheFormOfItsButton() throws {
        let asset = try #require(try Shared.renderer().asset(named: "passkey.js"))
        let script = String(decoding: asset.bytes, as: UTF8.self)
        for banned in [
            "requestSubmit", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
            "eval(", "Function(", "localStorage", "http:", "https:", ".style", "mediation",
        ] {
            #expect(!script.contains(banned), "`\(banned)`")
        }
        #expect(script.matches(of: /\.submit\(/).count == 1)
        #expect(script.matches(of: /fetch\(/).count == 1)
        #expect(textLines(script).count <= 200)
    }

    @Test func onlyPagesThatAskForPasskeysHaveTheirScript() throws {
        let renderer = try Shared.renderer()
        let path = try #require(renderer.asset(named: "passkey.js")).path
        for page in try AllPages.samples() {
            let values = page.values.merging(renderer.shellValues(page)) { _, shell in shell }
            let html = renderer.html(page.template, values)
            #expect(html.contains(path) == page.template.asksForPasskeys, "\(page.template)")
            if !page.template.asksForPasskeys { #expect(!html.contains("data-passkey")) }
        }
    }

    @Test func policyForbidsWhatPagesDoNotUse() {
        let policy = ConsoleRenderer.contentSecurityPolicy
        #expect(policy.hasPrefix("default-src 'none'"))
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("data:"))
        #expect(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"))
        let headers = ConsoleRenderer.pageHeaders
        #expect(headers.contains { $0 == ("Content-Security-Policy", policy) })
        // `no-referrer` would make browsers send `Origin: null` with our own forms.
        #expect(headers.contains { $0 == ("Referrer-Policy", "strict-origin") })
    }

    @Test(arguments: [
        ("act_1", "/actions/act_1"), ("a/b", "/actions/a%2Fb"), ("..", "/actions/%2E%2E"),
        ("a?b#c%", "/actions/a%3Fb%23c%25"), ("\" onload=x", "/actions/%22%20onload%3Dx"),
        ("é", "/actions/%C3%A9"), ("a.b", "/actions/a.b"),
    ])
    func idsStayInTheirPathSegment(_ id: String, _ path: String) {
        #expect(ConsolePath.action(id) == path)
    }
}
