// SPDX-License-Identifier: Apache-2.0

/// The landing page of a one-time sign-in link, or the page for who has none.
///
/// Opening the page consumes nothing: previews of the link do no harm.
public struct SignInPage: Sendable, Hashable {
    /// Surroundings, without a viewer.
    public var shell: ConsoleShell
    /// The secret of the link, sent on by the form; `nil` shows how to get a link.
    public var token: String?
    /// Whom it signs in, if the server chooses to say so.
    public var person: ConsolePersonName?
    /// Until when the link works.
    public var expires: ConsoleInstant?
    /// Why a link did not work, one sentence.
    public var problem: String?
    /// Path within the console to go to afterwards.
    public var returnTo: String?
    /// Identity providers by which people sign in.
    public var providers: [SignInButton]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, token: String?, person: ConsolePersonName?, expires: ConsoleInstant?,
        problem: String?, returnTo: String?, providers: [SignInButton]
    ) {
        self.shell = shell
        self.token = token
        self.person = person
        self.expires = expires
        self.problem = problem
        self.returnTo = returnTo
        self.providers = providers
    }
}

/// An identity provider by which people sign in.
public struct SignInButton: Sendable, Hashable {
    /// Its name in the configuration, and in the path of its form.
    public var name: String
    /// What people call it.
    public var title: String

    /// Creates the value from all of its members.
    public init(name: String, title: String) {
        self.name = name
        self.title = title
    }
}
