// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON

/// A JSONPath query (RFC 9535), with I-Regexp (RFC 9485) in `match` and `search`.
///
/// Beyond the RFC, a literal pattern that is no I-Regexp is refused, because it would match
/// nothing: a path of secrets must not be silently without effect.
package struct JSONPath: Sendable {
    /// The most bytes of a query.
    package static let maximumBytes = 4096
    /// The most filters and parentheses inside each other.
    package static let maximumNesting = 16
    /// How many steps one evaluation may take unless told otherwise.
    ///
    /// A step is a value that is visited or compared, or a character of a text in four states of
    /// a pattern; so many take a second or less.
    package static let defaultBudget = 2_000_000

    /// The query as it was written.
    package let text: String
    let query: JSONPathQuery

    /// Reads a query.
    ///
    /// - Parameter text: at most ``maximumBytes`` bytes.
    /// - Throws: ``JSONPathError`` with the place of the first mistake, of syntax or of types.
    package init(_ text: String) throws(JSONPathError) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw JSONPathError(
                description: "JSONPath of \(text.utf8.count) bytes: use at most "
                    + "\(Self.maximumBytes)")
        }
        var parser = JSONPathParser(text)
        do {
            query = try parser.parseWhole()
        } catch {
            throw JSONPathError(
                description: "JSONPath `\(VisibleText.escape(text))`, byte \(error.offset + 1): "
                    + error.message)
        }
        self.text = text
    }

    /// The values that the query selects, each with its place, in the order of the RFC.
    ///
    /// Members are visited in canonical order. A value may be selected more than once.
    /// - Parameters:
    ///   - document: the root, `$`.
    ///   - budget: the most steps.
    /// - Returns: none where the query leads nowhere, which is no error.
    /// - Throws: ``JSONPathError`` where the budget is spent. What was found until then is not
    ///   returned: a caller that protects something must not go on with a part of it.
    package func nodes(
        in document: JSON, budget: Int = JSONPath.defaultBudget
    ) throws(JSONPathError) -> [(JSONPointer, JSON)] {
        try located(in: document, budget: budget).map { ($0.pointer, $0.value) }
    }

    /// The same, with places that can be written as normalized paths.
    package func located(
        in document: JSON, budget: Int = JSONPath.defaultBudget
    ) throws(JSONPathError) -> [JSONPathNode] {
        var evaluation = JSONPathEvaluation(root: document, budget: budget)
        do {
            return try evaluation.nodes(of: query)
        } catch {
            throw JSONPathError(
                description: "JSONPath `\(VisibleText.escape(text))`: \(error.message)")
        }
    }
}

extension JSONPath: Hashable {
    /// Whether both are written the same, byte by byte.
    package static func == (left: JSONPath, right: JSONPath) -> Bool {
        UTF8Bytes.areEqual(left.text, right.text)
    }

    package func hash(into hasher: inout Hasher) { UTF8Bytes.hash(text, into: &hasher) }
}

/// A value that a query selected, and where.
package struct JSONPathNode: Sendable {
    /// One step down from the root.
    package enum Step: Sendable {
        case member(String)
        case element(Int)
    }

    package let steps: [Step]
    package let value: JSON

    package var pointer: JSONPointer {
        JSONPointer(
            tokens: steps.map { step in
                switch step {
                case .member(let name): name
                case .element(let index): String(index)
                }
            })
    }

    /// The one way to write this place (RFC 9535 §2.7), such as `$['a'][0]`.
    package var normalizedPath: String {
        steps.reduce("$") { path, step in
            switch step {
            case .member(let name): "\(path)['\(Self.escape(name))']"
            case .element(let index): "\(path)[\(index)]"
            }
        }
    }

    private static func escape(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\u{8}": text += "\\b"
            case "\t": text += "\\t"
            case "\n": text += "\\n"
            case "\u{C}": text += "\\f"
            case "\r": text += "\\r"
            case "'": text += "\\'"
            case "\\": text += "\\\\"
            case ..<" ":
                let digits = String(scalar.value, radix: 16)
                text += digits.utf8.count == 1 ? "\\u000\(digits)" : "\\u00\(digits)"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

/// Why a text is not a JSONPath query, or why its evaluation was given up.
package struct JSONPathError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}
