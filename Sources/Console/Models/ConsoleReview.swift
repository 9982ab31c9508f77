// SPDX-License-Identifier: Apache-2.0

/// What an open review has besides its decisions.
public struct ConsoleReview: Sendable, Hashable {
    /// How often something else was asked than at first.
    public var revisions: Int
    /// Groups that may decide too, from some instant on.
    public var escalations: [ConsoleEscalation]
    /// Who says that he is looking at it.
    public var lookers: [ConsolePersonName]
    /// What people and the requester said, oldest first.
    public var comments: [ConsoleComment]
    /// Groups whose members may go past the review.
    public var breakGlassGroups: [String]
    /// Why the viewer, who is in one of them, can't right now.
    public var breakGlassObstacle: String?
    /// Set if and only if somebody went past the review.
    public var debt: ConsoleDebt?
    /// What it would change of this server's own rules, in words.
    public var change: ConsoleChange?
    /// Forms that would work for the viewer.
    public var forms: Set<Form>

    /// A form of a review, besides the plain decision.
    public enum Form: String, Sendable, Hashable, CaseIterable {
        case approveSigned, denySigned, withdraw, look, comment, question, answer, breakGlass
        case settleDebt
    }

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        revisions: Int, escalations: [ConsoleEscalation], lookers: [ConsolePersonName],
        comments: [ConsoleComment], breakGlassGroups: [String], breakGlassObstacle: String?,
        debt: ConsoleDebt?, change: ConsoleChange?, forms: Set<Form>
    ) {
        self.revisions = revisions
        self.escalations = escalations
        self.lookers = lookers
        self.comments = comments
        self.breakGlassGroups = breakGlassGroups
        self.breakGlassObstacle = breakGlassObstacle
        self.debt = debt
        self.change = change
        self.forms = forms
    }
}

/// A group that may fill places of another one from some instant on.
public struct ConsoleEscalation: Sendable, Hashable {
    /// Who may decide too.
    public var group: String
    /// Whose places they may fill.
    public var insteadOf: String
    /// From when on.
    public var at: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(group: String, insteadOf: String, at: ConsoleInstant) {
        self.group = group
        self.insteadOf = insteadOf
        self.at = at
    }
}

/// What somebody said about an action.
public struct ConsoleComment: Sendable, Hashable {
    /// A remark, a question to the requester, or his answer.
    public enum Kind: String, Sendable, Hashable, CaseIterable { case comment, question, answer }

    /// Who said it.
    public var author: ConsolePersonName
    /// True for the agent itself: nobody has verified what it says.
    public var isAgent: Bool
    /// What it is.
    public var kind: Kind
    /// The words, made visible.
    public var text: String
    /// When.
    public var at: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        author: ConsolePersonName, isAgent: Bool, kind: Kind, text: String, at: ConsoleInstant
    ) {
        self.author = author
        self.isAgent = isAgent
        self.kind = kind
        self.text = text
        self.at = at
    }
}

/// What somebody owes who went past a review: that another person looks at it.
public struct ConsoleDebt: Sendable, Hashable {
    /// Who broke the glass.
    public var person: ConsolePersonName
    /// When.
    public var at: ConsoleInstant
    /// Until when somebody else must look at it.
    public var due: ConsoleInstant
    /// True if nobody did in time.
    public var isOverdue: Bool
    /// The reason given.
    public var reason: String?
    /// What another person said of it.
    public var settlement: Settlement?

    /// Another person's word on a broken glass.
    public struct Settlement: Sendable, Hashable {
        /// Who looked at it.
        public var by: ConsolePersonName
        /// Whether he accepts it.
        public var isAccepted: Bool
        /// When.
        public var at: ConsoleInstant
        /// The words given, if any.
        public var reason: String?

        /// Creates the value from all of its members; none has a default.
        public init(
            by: ConsolePersonName, isAccepted: Bool, at: ConsoleInstant, reason: String?
        ) {
            self.by = by
            self.isAccepted = isAccepted
            self.at = at
            self.reason = reason
        }
    }

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        person: ConsolePersonName, at: ConsoleInstant, due: ConsoleInstant, isOverdue: Bool,
        reason: String?, settlement: Settlement?
    ) {
        self.person = person
        self.at = at
        self.due = due
        self.isOverdue = isOverdue
        self.reason = reason
        self.settlement = settlement
    }
}

/// A change of this server's own rules, for the eye; what is decided is the frozen document.
public struct ConsoleChange: Sendable, Hashable {
    /// One sentence per change.
    public var sentences: [String]
    /// Policy files that differ from the set in force.
    public var files: [ConsoleFileChange]
    /// Digest of the policy set that the files are compared with, or `nil` where none are.
    public var comparedWith: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(sentences: [String], files: [ConsoleFileChange], comparedWith: String?) {
        self.sentences = sentences
        self.files = files
        self.comparedWith = comparedWith
    }
}

/// One policy file before and after; `nil` where it is not there.
public struct ConsoleFileChange: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Its text in force, made visible.
    public var before: String?
    /// Its text afterwards, made visible.
    public var after: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(name: String, before: String?, after: String?) {
        self.name = name
        self.before = before
        self.after = after
    }
}
