// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Words of a server that become `@doc("…")`.
enum Documentation {
    private static let longest = 200

    /// The text without what does not show, cut; `nil` where nothing is left.
    static func text(_ json: JSON?) -> String? {
        guard let text = json?.stringValue else { return nil }
        var kept = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars where count < longest {
            let isSpace = scalar == "\n" || scalar == "\t" || scalar == "\r"
            if isSpace {
                guard kept.last != " " else { continue }
                kept.append(" ")
            } else {
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse,
                    .unassigned:
                    continue
                default: kept.append(scalar)
                }
            }
            count += 1
        }
        while kept.last == " " { kept.removeLast() }
        return kept.isEmpty ? nil : String(kept)
    }
}
