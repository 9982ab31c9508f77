// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// What `fsck` found: everything that is not as the signed tree says, by table and key.
package struct FsckReport: Sendable, Hashable {
    /// What a finding means for whoever has to act on it.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Somebody or something changed what was recorded.
        case tampered
        /// Something is missing that a complete copy of the store would have.
        case incomplete
        /// Signed, but not by the key that was given.
        case unknownKey = "unknown_key"
        /// Could not be checked, because of an error or of another finding.
        case indeterminate
    }

    package struct Finding: Sendable, Hashable, CustomStringConvertible {
        package let kind: Kind
        package let table: String
        package let key: String
        package let what: String

        package var description: String { "\(kind.rawValue): \(table) `\(key)`: \(what)" }
    }

    /// More findings than this are counted, not listed.
    private static let maximumFindings = 1000

    package private(set) var findings: [Finding] = []
    package private(set) var unlisted = 0
    /// Entries, actions and tiles that were looked at.
    package internal(set) var entries: UInt64 = 0
    package internal(set) var actions: UInt64 = 0
    package internal(set) var tiles: UInt64 = 0

    init() {}

    package var isClean: Bool { findings.isEmpty }

    /// Clean, or the gravest kind found.
    package var verdict: Kind? {
        Kind.allCases.first { kind in findings.contains { $0.kind == kind } }
    }

    mutating func add(
        _ kind: Kind, _ table: String, _ key: some CustomStringConvertible, _ what: String
    ) {
        guard findings.count < Self.maximumFindings else {
            unlisted += 1
            return
        }
        findings.append(Finding(kind: kind, table: table, key: "\(key)", what: what))
    }

    /// For `fsck --json`.
    package var json: JSON {
        [
            "actions": .int(Int64(clamping: actions)), "entries": .int(Int64(clamping: entries)),
            "findings": .array(
                findings.map { finding in
                    [
                        "key": .string(finding.key), "kind": .string(finding.kind.rawValue),
                        "table": .string(finding.table), "what": .string(finding.what),
                    ]
                }),
            "ok": .bool(isClean), "tiles": .int(Int64(clamping: tiles)),
            "unlisted": .int(unlisted),
            "verdict": verdict.map { .string($0.rawValue) } ?? .null,
        ]
    }
}
