// SPDX-License-Identifier: Apache-2.0

/// Why the console could not be set up: a template is not part of the binary, or does not parse.
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
    private let templates: TemplateLibrary
    private let assets: [String: ConsoleAsset]

    /// Hashes the embedded files; templates are parsed when the first page is asked for.
    ///
    /// Make one and keep it: the first page takes some milliseconds longer than the others.
    ///
    /// - Throws: `ConsoleError` if a page has no template in this binary.
    public init() throws {
        assets = EmbeddedFiles.assets()
        templates = try TemplateLibrary()
    }

    /// Value for the `Content-Security-Policy` header of every page.
    ///
    /// A sign-in that redirects a form to another origin needs that origin in `form-action`.
    public static let contentSecurityPolicy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    /// Headers for every page, in addition to `Content-Type: text/html; charset=utf-8`.
    ///
    /// `Referrer-Policy` keeps the secrets of one-time links out of every log, and yet lets browsers
    /// name the origin of a form: under `no-referrer` they send `Origin: null`, which any site can
    /// (Fetch, *append a request `Origin` header*). `Cache-Control` keeps pages out of shared caches
    /// and away from the back button after signing out.
    public static let pageHeaders: [(name: String, value: String)] = [
        ("Content-Security-Policy", contentSecurityPolicy),
        ("Referrer-Policy", "strict-origin"),
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

    /// Several actions together.
    public func batch(_ page: BatchPage) -> String { render(page) }

    /// All actions, with a search.
    public func history(_ page: HistoryPage) -> String { render(page) }

    /// What is watched, and what deviates.
    package func drift(_ page: DriftPage) -> String { render(page) }

    /// One deviation, with whatever the viewer may do about it.
    package func deviation(_ page: DeviationPage) -> String { render(page) }

    /// One watched source, with its baseline.
    package func driftSource(_ page: DriftSourcePage) -> String { render(page) }

    /// The ledger and how to verify it.
    public func ledger(_ page: LedgerPage) -> String { render(page) }

    /// The policy set in force.
    public func policies(_ page: PoliciesPage) -> String { render(page) }

    /// People, groups, agents and gates.
    public func directory(_ page: DirectoryPage) -> String { render(page) }

    /// Channels and what they did not deliver.
    public func channels(_ page: ChannelsPage) -> String { render(page) }

    /// The viewer's own accounts.
    public func account(_ page: AccountPage) -> String { render(page) }

    /// Where a command line is signed in.
    public func device(_ page: DevicePage) -> String { render(page) }

    /// Whether the installation is sealed, and what it takes.
    public func seal(_ page: SealPage) -> String { render(page) }

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
        templates.render(values, template)
    }

    func shellValues(_ page: some TemplatePage) -> TemplateValues {
        var values = page.shell.values(current: page.template)
        values["title"] = page.title
        values["page"] = page.template.rawValue
        values["styleURL"] = assets["app.css"]?.path ?? ""
        values["scriptURL"] = assets["app.js"]?.path ?? ""
        values["passkeyScriptURL"] = orAbsent(
            page.template.asksForPasskeys ? assets["passkey.js"]?.path : nil)
        values["faviconURL"] = assets["favicon.svg"]?.path ?? ""
        return values
    }
}
