// SPDX-License-Identifier: Apache-2.0

/// Warns of text in a policy that may read as something else than it is (UTS 39).
struct TextChecker {
    private let policyID: String
    private var warnings: [ValidationWarning] = []

    private let maximum: Int

    private init(_ policyID: String, _ maximum: Int) {
        self.policyID = policyID
        self.maximum = maximum
    }

    static func warnings(
        of policy: PolicyUnderValidation, atMost maximum: Int
    ) -> [ValidationWarning] {
        var checker = TextChecker(policy.id, maximum)
        for condition in policy.conditions([:]) {
            condition.walk { checker.check($0) }
        }
        return checker.warnings
    }

    private mutating func check(_ expression: Expression) {
        guard warnings.count < maximum else { return }
        let span = expression.span
        switch expression.kind {
        case .literal(.string(let text)): string(text, at: span)
        case .literal(.entity(let uid)): identifier(uid.id, at: span)
        case .attribute(_, let name): identifier(name, at: span)
        case .has(_, let path): for name in path { identifier(name, at: span) }
        case .like(_, let pattern): string(pattern.text, at: span)
        case .record(let fields): for field in fields { identifier(field.key, at: span) }
        default: break
        }
    }

    private mutating func string(_ text: String, at span: SourceSpan) {
        if text.isPlain { return }
        if text.unicodeScalars.contains(where: Self.isBidirectional) {
            note(.bidirectionalString(text), at: span)
        } else if Self.mixesScripts(text) {
            note(.mixedScriptString(text), at: span)
        }
    }

    private mutating func identifier(_ text: String, at span: SourceSpan) {
        if text.isPlain { return }
        let scalars = text.unicodeScalars
        if scalars.contains(where: Self.isBidirectional) {
            note(.bidirectionalIdentifier(text), at: span)
        } else if let odd = scalars.first(where: { !IdentifierTable.allows($0) }) {
            note(.confusableIdentifier(text, odd), at: span)
        } else if Self.mixesScripts(text) {
            note(.mixedScriptIdentifier(text), at: span)
        }
    }

    private mutating func note(_ kind: ValidationWarning.Kind, at span: SourceSpan) {
        warnings.append(ValidationWarning(policyID: policyID, span: span, kind: kind))
    }

    /// Whether it changes the direction of what follows: U+202A to U+202E, U+2066 to U+2069.
    private static func isBidirectional(_ scalar: Unicode.Scalar) -> Bool {
        (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }

    private static func mixesScripts(_ text: String) -> Bool {
        !Script.belongTogether(Set(text.unicodeScalars.compactMap { Script($0) }))
    }
}

extension String {
    /// Printable ASCII, which nearly all text is and which needs no look.
    fileprivate var isPlain: Bool {
        utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}

extension Pattern {
    /// The pattern with its wildcards as stars.
    fileprivate var text: String {
        var scalars = String.UnicodeScalarView()
        for element in elements {
            switch element {
            case .wildcard: scalars.append("*")
            case .scalar(let scalar): scalars.append(scalar)
            }
        }
        return String(scalars)
    }
}
