// SPDX-License-Identifier: Apache-2.0

/// The canonical rendering of one frozen action, as every surface shows it.
///
/// All text has its deceptive code points escaped already; the console escapes whatever may be
/// left.
public struct ConsoleRendering: Sendable, Hashable {
    /// The sections, in the order of `Kind`: the console shows them in that order whatever this one
    /// is.
    public var sections: [Section]
    /// What the reviewer must know before reading: mixed scripts, uninspectable input and the like.
    public var warnings: [String]
    /// False if something could not be shown in full: there is no approve button then.
    public var isComplete: Bool
    /// SHA-256 of the rendering, 64 hex digits; decisions record it.
    public var digest: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(sections: [Section], warnings: [String], isComplete: Bool, digest: String) {
        self.sections = sections
        self.warnings = warnings
        self.isComplete = isComplete
        self.digest = digest
    }

    /// One of the four sections.
    public struct Section: Sendable, Hashable {
        /// Which of the four it is.
        public var kind: Kind
        /// Heading.
        public var title: String
        /// Rows, in order.
        public var rows: [Row]

        /// Creates the value from all of its members.
        public init(kind: Kind, title: String, rows: [Row]) {
            self.kind = kind
            self.title = title
            self.rows = rows
        }
    }

    /// One label and its text.
    public struct Row: Sendable, Hashable {
        /// What the text is.
        public var label: String
        /// The text, in full.
        public var text: String
        /// How it is set.
        public var style: Style

        /// Creates the value from all of its members.
        public init(label: String, text: String, style: Style) {
            self.label = label
            self.text = text
            self.style = style
        }
    }

    /// The four questions a reviewer asks, in the order in which they are answered.
    public enum Kind: String, Sendable, Hashable, CaseIterable { case who, what, policy, why }

    /// How a row is set: as text, verbatim, fenced as the agent's claim, or as a warning.
    public enum Style: String, Sendable, Hashable, CaseIterable { case plain, code, claim, warning }
}
