// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// Rules that hold for every page in every state.
@Suite struct PageRuleTests {
    static let names = PageSamples.all.map(\.name)

    private func tags(_ name: String) throws -> [Tag] {
        let sample = try #require(PageSamples.all.first { $0.name == name })
        return HTMLScanner.tags(of: sample.html(try Shared.renderer()))
    }

    @Test(arguments: names)
    func everyPostCarriesTheTokenAndNoURLDoes(_ name: String) throws {
        var form: Tag?
        var fields: [Tag] = []
        for tag in try tags(name) {
            if tag.name == "form" && !tag.isEnd { (form, fields) = (tag, []) }
            if tag.name == "input" { fields.append(tag) }
            for attribute in ["href", "action", "src"] {
                #expect(tag[attribute]?.contains("csrf") != true)
            }
            guard tag.name == "form" && tag.isEnd else { continue }
            let token = fields.filter { $0["name"] == "csrf" }.map { $0["value"] }
            switch form?["method"] {
            case "post":
                #expect(token == ["csrf-Zm9yLXRlc3RzLW9ubHk"], "form \(form?["action"] ?? "")")
            case "get": #expect(token.isEmpty)
            default: Issue.record("a form of page `\(name)` has no method")
            }
        }
    }

    @Test(arguments: names)
    func nothingIsInlineAndNothingIsForeign(_ name: String) throws {
        for tag in try tags(name) where !tag.isEnd {
            #expect(tag.name != "style" && tag.name != "iframe" && tag.name != "base")
            if tag.name == "script" {
                #expect(tag["src"]?.hasPrefix("/assets/") == true && tag.text.isEmpty)
            }
            for (attribute, value) in tag.attributes {
                #expect(!attribute.hasPrefix("on") && attribute != "style", "<\(tag.name)>")
                if ["href", "src", "action"].contains(attribute) {
                    let isLocal = value.hasPrefix("/") && !value.hasPrefix("//")
                    #expect(isLocal || value.hasPrefix("#"), "`\(value)`")
                }
            }
        }
    }

    @Test(arguments: names)
    func structureIsSound(_ name: String) throws {
        let voids: Set<String> = ["meta", "link", "input", "circle", "path", "rect", "use"]
        var open: [String] = []
        let tags = try tags(name)
        for tag in tags {
            if tag.isEnd {
                #expect(open.popLast() == tag.name, "</\(tag.name)> closes something else")
            } else if !voids.contains(tag.name) {
                open.append(tag.name)
            }
        }
        #expect(open.isEmpty)
        for single in ["html", "main", "h1", "title"] {
            #expect(tags.count { $0.name == single && !$0.isEnd } == 1, "<\(single)>")
        }
        #expect(tags.first?["lang"] == "en")
    }

    @Test(arguments: names)
    func referencesLeadSomewhere(_ name: String) throws {
        let tags = try tags(name)
        let ids = tags.compactMap { $0["id"] }
        #expect(Set(ids).count == ids.count, "ids repeat")
        for tag in tags {
            for attribute in ["for", "aria-labelledby"] {
                if let target = tag[attribute] { #expect(ids.contains(target), "\(target)") }
            }
            if let href = tag["href"], href.hasPrefix("#") {
                #expect(ids.contains(String(href.dropFirst())), "\(href)")
            }
            if ["textarea", "select"].contains(tag.name) && !tag.isEnd {
                #expect(tags.contains { $0["for"] == tag["id"] }, "a field has no label")
            }
        }
    }

    @Test(arguments: names)
    func timesAreInUTC(_ name: String) throws {
        for tag in try tags(name) where tag.name == "time" && !tag.isEnd {
            let stamp = try #require(tag["datetime"])
            #expect(stamp.utf8.count == 24 && stamp.hasSuffix("Z"))
        }
    }

    @Test(arguments: names)
    func assetsNamedByPagesExist(_ name: String) throws {
        let renderer = try Shared.renderer()
        for tag in try tags(name) {
            for attribute in ["href", "src"] {
                guard let path = tag[attribute], path.hasPrefix("/assets/") else { continue }
                #expect(renderer.asset(path: path) != nil, "\(path)")
            }
        }
    }

    @Test func theSecretOfALinkIsOnlyInTheBodyOfAPost() throws {
        let tags = HTMLScanner.tags(of: try Shared.renderer().signIn(Samples.signIn()))
        let carriers = tags.filter { tag in
            tag.text.contains("one-time-secret")
                || tag.attributes.contains { $0.value.contains("one-time-secret") }
        }
        #expect(carriers.map(\.name) == ["input"])
        #expect(carriers.first?["type"] == "hidden" && carriers.first?["name"] == "token")
        let form = tags.first { $0.name == "form" }
        #expect(form?["method"] == "post" && form?["action"] == "/console/sign-in")
    }
}
