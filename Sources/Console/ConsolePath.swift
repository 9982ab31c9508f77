// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// Every URL path that the console's pages name, in one place for the server's routes.
///
/// Nothing reached by `GET` changes anything. Every `POST` takes an
/// `application/x-www-form-urlencoded` body with the field `csrf`.
public enum ConsolePath {
    /// Pending actions; `GET`.
    public static let inbox = "/"
    /// All actions; `GET`, with `q`, `state` and `before`.
    public static let history = "/history"
    /// The ledger; `GET`, with `from` (an index, towards the beginning).
    public static let ledger = "/ledger"
    /// What is watched and what deviates; `GET`.
    public static let drift = "/drift"
    /// The policy set in force; `GET`.
    public static let policies = "/policies"
    /// People, groups, agents and gates; `GET`.
    public static let directory = "/directory"
    /// Channels and what they did not deliver; `GET`.
    public static let channels = "/channels"
    /// The viewer's own accounts; `GET`.
    public static let account = "/account"
    /// Makes a code that links an account; `POST`.
    public static let linkCodeForm = "/console/account/code"
    /// Unlinks one of the viewer's accounts; `POST` with `channel`, `workspace` and `user`.
    public static let unlinkForm = "/console/account/unlink"
    /// What a passkey of the viewer is made with, as JSON; `POST`.
    public static let passkeyOptions = "/console/account/passkeys/options"
    /// Enrols a passkey; `POST` with `answer`, JSON.
    public static let passkeyForm = "/console/account/passkeys"
    /// Removes one of the viewer's passkeys; `POST` with `passkey`.
    public static let removePasskeyForm = "/console/account/passkeys/remove"
    /// Ends one of the viewer's sessions; `POST` with `session`.
    public static let revokeSessionForm = "/console/account/sessions/revoke"
    /// Where a command line is signed in by a code; `GET`.
    public static let device = "/device"
    /// Shows what a code stands for; `POST` with `code`.
    public static let deviceForm = "/console/device"
    /// Confirms or refuses a code; `POST` with `code` and `decision`.
    public static let deviceAnswerForm = "/console/device/answer"
    /// The seal; `GET`.
    public static let seal = "/seal"
    /// Confirms the open question whether to seal; `POST` with `expect`.
    public static let sealForm = "/console/seal"
    /// What a passkey signs in with, as JSON; `POST`.
    public static let passkeySignInOptions = "/console/sign-in/passkey/options"
    /// Signs in by a passkey; `POST` with `answer`, JSON, and `return`.
    public static let passkeySignInForm = "/console/sign-in/passkey"
    /// Landing page of one-time links; `GET`, with `token` and `return`.
    public static let signIn = "/sign-in"
    /// Uses a one-time link up; `POST` with `token` and `return`.
    public static let signInForm = "/console/sign-in"
    /// Ends the session; `POST`.
    public static let signOutForm = "/console/sign-out"
    /// Server-sent events for live updates; `GET` with the session cookie.
    public static let events = "/v1/events"
    /// The log's signed checkpoint; `GET`.
    public static let checkpoint = "/log/checkpoint"
    /// The log's public key; `GET`.
    public static let verifierKey = "/log/vkey"

    /// Page of one action; `GET`.
    public static func action(_ id: String) -> String { "/actions/\(segment(id))" }

    /// Receipt of one action; `GET`.
    public static func receipt(_ id: String) -> String { "/v1/actions/\(segment(id))/receipt" }

    /// What a form on the page of an action does.
    public enum ActionForm: String, Sendable, Hashable, CaseIterable {
        /// `decision`, `expect`, `rendering`, `version`, `reason`.
        case decide
        /// `expect`, `version`.
        case cancel
        /// `expect`, `version`, `reason`.
        case revoke
        /// `expect`, `version`, `status`, `reason`.
        case settle
        /// `decision`; answers with JSON, what a passkey is to sign.
        case passkeyOptions = "passkey-options"
        /// As `decide`, with `nonce` and `answer`, JSON.
        case decideSigned = "decide-passkey"
        /// `expect`, `version`, `reason`.
        case withdraw
        /// `expect`, `version`.
        case look
        /// `expect`, `version`, `kind`, `text`.
        case comment
        /// `expect`, `version`, `rendering`, `reason`.
        case breakGlass = "break-glass"
        /// `expect`, `version`, `judgement`, `reason`.
        case settleDebt = "settle-debt"
    }

    /// Target of a form on the page of an action; `POST`.
    public static func form(_ form: ActionForm, action id: String) -> String {
        "/console/actions/\(segment(id))/\(form.rawValue)"
    }

    /// Signs in at an identity provider; `POST` with `return`.
    public static func providerSignInForm(_ name: String) -> String {
        "/console/sign-in/openid/\(segment(name))"
    }

    /// Page of one batch, by its digest; `GET`.
    public static func batch(_ digest: String) -> String { "/batches/\(segment(digest))" }

    /// Decides a batch; `POST` with `decision`, `expect`, `shown` and `reason`.
    static func batchForm(_ digest: String) -> String { "/console\(batch(digest))/decide" }

    /// Page of one deviation; `GET`.
    package static func deviation(_ id: String) -> String { "/drift/deviations/\(segment(id))" }

    /// Page of one watched source; `GET`, with `from` (a leaf of what is proposed).
    package static func driftSource(_ id: String) -> String { "/drift/sources/\(segment(id))" }

    /// What a form about drift does.
    package enum DriftForm: String, Sendable, Hashable, CaseIterable {
        /// About one deviation: `expect`.
        case accept
        /// About one deviation.
        case acknowledge
        /// About a source: `expect`.
        case approve
        /// About a source: `expect`, `decision`, and a field `d_ID` for each deviation.
        case decide
        /// No form: what one led to where somebody else has to approve.
        case ask
    }

    /// Target of a form on the page of a deviation; `POST`.
    static func form(_ form: DriftForm, deviation id: String) -> String {
        "/console\(deviation(id))/\(form.rawValue)"
    }

    /// Target of a form on the page of a source; `POST`.
    static func form(_ form: DriftForm, source id: String) -> String {
        "/console\(driftSource(id))/\(form.rawValue)"
    }

    /// Page of the ledger that shows an entry, at that entry.
    static func entry(_ index: Int) -> String { "\(ledger)?from=\(index)#entry-\(index)" }

    /// Page of the history that continues before an action.
    static func history(query: String, state: String, before: String) -> String {
        "\(history)?q=\(segment(query))&state=\(segment(state))&before=\(segment(before))"
    }

    /// So that no id can leave its path segment or its query value.
    static func segment(_ text: String) -> String { PercentEncoding.segment(text) }
}
