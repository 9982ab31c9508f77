// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// Rules about the templates themselves.
@Suite struct TemplateTests {
    @Test func nothingIsEverPrintedUnescaped() {
        for (name, text) in EmbeddedFiles.templates() {
            #expect(!text.contains("{{{") && !text.contains("{{&"), "template `\(name)`")
            #expect(!text.contains("CONTENT_TYPE"), "template `\(name)` chooses its own escaping")
        }
    }

    @Test func everyTemplateParses() throws {
        _ = try TemplateLibrary().library()
    }

    @Test func aBrokenTemplateIsNamed() {
        #expect {
            try TemplateLibrary.parse([(name: "broken", text: "{{#open}}\n\n")])
        } throws: { error in
            "\(error)".hasPrefix("cannot parse console template `broken`: ")
        }
    }

    @Test func everyAttributeIsQuoted() {
        for (name, text) in EmbeddedFiles.templates() {
            #expect(!text.contains("={{"), "template `\(name)` has an attribute without quotes")
        }
    }

    @Test func everyNameInATemplateIsAValueOfSomePage() throws {
        let renderer = try Shared.renderer()
        var known: Set<String> = []
        for page in try AllPages.samples() {
            collect(page.values, into: &known)
            collect(renderer.shellValues(page), into: &known)
        }
        for (template, text) in EmbeddedFiles.templates() {
            for name in names(in: text) {
                #expect(known.contains(name), "template `\(template)` names `\(name)`")
            }
        }
    }

    @Test func pagesAndTheirSurroundingsShareNoName() throws {
        let renderer = try Shared.renderer()
        for page in try AllPages.samples() {
            let shared = Set(page.values.keys).intersection(renderer.shellValues(page).keys)
            #expect(shared.isEmpty, "page `\(page.template.rawValue)`")
        }
    }

    @Test func absentValuesAreFalseAndNeverNil() throws {
        for page in try AllPages.samples() {
            for (name, value) in page.values {
                #expect("\(value)" != "nil", "value `\(name)` of `\(page.template.rawValue)`")
                #expect(!"\(value)".hasPrefix("Optional("), "value `\(name)`")
            }
        }
    }

    private func collect(_ values: TemplateValues, into names: inout Set<String>) {
        for (name, value) in values {
            names.insert(name)
            if let inner = value as? TemplateValues { collect(inner, into: &names) }
            for inner in value as? [TemplateValues] ?? [] { collect(inner, into: &names) }
        }
    }

    /// Names of variables and sections, without partials, `.` and transforms.
    private func names(in text: String) -> [String] {
        text.split(separator: "{{").dropFirst().compactMap { piece in
            guard let tag = piece.split(separator: "}}", omittingEmptySubsequences: false).first,
                let first = tag.first, first != ">", first != "/", first != "!"
            else { return nil }
            let name = tag.drop { "#^".contains($0) }
            if name == "." { return nil }
            return name.hasPrefix("empty(") ? String(name.dropFirst(6).dropLast()) : String(name)
        }
    }
}
