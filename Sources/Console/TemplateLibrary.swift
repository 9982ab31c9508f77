// SPDX-License-Identifier: Apache-2.0

import Mustache
import Synchronization

/// The embedded templates, parsed on first use.
///
/// Parsing takes several milliseconds, which a server that is starting does not have to spend.
final class TemplateLibrary: Sendable {
    private let texts: [(name: String, text: String)]
    private let parsed = Mutex<MustacheLibrary?>(nil)

    init() throws(ConsoleError) {
        texts = EmbeddedFiles.templates()
        for page in PageTemplate.allCases
        where !texts.contains(where: { $0.name == page.rawValue }) {
            throw ConsoleError(
                description: "console template `\(page.rawValue)` is not embedded; rebuild")
        }
    }

    /// The page, or one line of text if a template does not parse, in a build that no test ran on.
    func render(_ values: TemplateValues, _ page: PageTemplate) -> String {
        do throws(ConsoleError) {
            return try library().render(values, withTemplate: page.rawValue) ?? ""
        } catch {
            return EscapedHTML().escapeText(error.description)
        }
    }

    /// The parsed templates; outside the lock they are a value that anybody may read.
    func library() throws(ConsoleError) -> MustacheLibrary {
        try parsed.withLock { library throws(ConsoleError) in
            if let library { return library }
            let fresh = try Self.parse(texts)
            library = fresh
            return fresh
        }
    }

    static func parse(
        _ templates: [(name: String, text: String)]
    ) throws(ConsoleError) -> MustacheLibrary {
        MustacheContentTypes.register(EscapedHTML(), named: EscapedHTML.name)
        // Each template selects our escaping itself, since including one resets it.
        let pragma = "{{% CONTENT_TYPE: \(EscapedHTML.name)}}"
        var library = MustacheLibrary()
        for (name, text) in templates {
            // A template of one line stands within a line: its line break is not content.
            let isInline = text.utf8.count { $0 == UInt8(ascii: "\n") } == 1
            do {
                let text = pragma + (isInline ? String(text.dropLast()) : text)
                try library.register(text, named: name)
            } catch {
                throw ConsoleError(
                    description: "cannot parse console template `\(name)`: \(error); rebuild")
            }
        }
        return library
    }
}
