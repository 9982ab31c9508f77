// SPDX-License-Identifier: Apache-2.0

import Mustache

/// Why the console could not be set up: a template that is part of the binary does not parse.
public struct ConsoleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The message, one line.
    public let description: String
}

/// Turns view models into the pages of the console.
///
/// Pure: no clock, no I/O, no state. Every value is HTML-escaped, whatever it holds. Pages contain
/// no inline script, style or event handler, so that `contentSecurityPolicy` can forbid them, and
/// work without JavaScript.
public struct ConsoleRenderer: Sendable {
    private let library: MustacheLibrary
    private let assets: [String: ConsoleAsset]

    /// Parses the embedded templates and hashes the embedded files.
    ///
    /// Takes a few milliseconds: make one and keep it.
    public init() throws {
        MustacheContentTypes.register(EscapedHTML(), named: EscapedHTML.name)
        assets = EmbeddedFiles.assets()
        library = try Self.library(of: EmbeddedFiles.templates())
    }

    /// Value for the `Content-Security-Policy` header of every page.
    ///
    /// A sign-in that redirects a form to another origin needs that origin in `form-action`.
    public static let contentSecurityPolicy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    /// Headers for every page, in addition to `Content-Type: text/html; charset=utf-8`.
    ///
    /// `Referrer-Policy` keeps one-time links out of other sites' logs; `Cache-Control` keeps pages
    /// out of shared caches and away from the back button after signing out.
    public static let pageHeaders: [(name: String, value: String)] = [
        ("Content-Security-Policy", contentSecurityPolicy),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]

    /// The landing page of a one-time sign-in link.
    public func signIn(_ page: SignInPage) -> String { render(page) }

    /// The actions that await a decision.
    public func inbox(_ page: InboxPage) -> String { render(page) }

    /// One action, with whatever the viewer may do about it.
    public func action(_ page: ActionPage) -> String { render(page) }

    /// All actions, with a search.
    public func history(_ page: HistoryPage) -> String { render(page) }

    /// The ledger and how to verify it.
    public func ledger(_ page: LedgerPage) -> String { render(page) }

    /// The policy set in force.
    public func policies(_ page: PoliciesPage) -> String { render(page) }

    /// People, groups, agents and gates.
    public func directory(_ page: DirectoryPage) -> String { render(page) }

    /// What went wrong and what to do next.
    public func error(_ page: ErrorPage) -> String { render(page) }

    /// The static file of that name, or `nil` if there is none.
    public func asset(named name: String) -> ConsoleAsset? { assets[name] }

    /// The static file behind `/assets/<hash>/<name>`, or `nil` if name or hash is another.
    ///
    /// What is found may be cached for ever: `Cache-Control: public, max-age=31536000, immutable`.
    public func asset(path: String) -> ConsoleAsset? {
        assets.values.first { $0.path.utf8.elementsEqual(path.utf8) }
    }

    private func render(_ page: some TemplatePage) -> String {
        // Where a page and its surroundings use one name, the surroundings win: no page can turn the
        // banner off. That no name is shared is a test, since it would show the wrong value.
        let values = page.values.merging(shellValues(page)) { _, shell in shell }
        return html(page.template, values)
    }

    /// The page for values that need not come from a view model: tests fill them with malice.
    func html(_ template: PageTemplate, _ values: TemplateValues) -> String {
        // A page without its template cannot happen: the initialiser has looked every one up.
        library.render(values, withTemplate: template.rawValue) ?? ""
    }

    func shellValues(_ page: some TemplatePage) -> TemplateValues {
        var values = page.shell.values(current: page.template)
        values["title"] = page.title
        values["page"] = page.template.rawValue
        values["styleURL"] = assets["app.css"]?.path ?? ""
        values["scriptURL"] = assets["app.js"]?.path ?? ""
        values["faviconURL"] = assets["favicon.svg"]?.path ?? ""
        return values
    }

    private static func library(
        of templates: [(name: String, text: String)]
    ) throws -> MustacheLibrary {
        var library = MustacheLibrary()
        for (name, text) in templates {
            // Each template selects our escaping itself, since including one resets it.
            let pragma = "{{% CONTENT_TYPE: \(EscapedHTML.name)}}"
            // A template of one line stands within a line: its line break is not content.
            let isInline = text.utf8.count { $0 == UInt8(ascii: "\n") } == 1
            do {
                try library.register(
                    pragma + (isInline ? String(text.dropLast()) : text), named: name)
            } catch {
                throw ConsoleError(
                    description: "cannot parse console template `\(name)`: \(error); rebuild")
            }
        }
        for page in PageTemplate.allCases where library.getTemplate(named: page.rawValue) == nil {
            throw ConsoleError(
                description: "console template `\(page.rawValue)` is not embedded; rebuild")
        }
        return library
    }
}
