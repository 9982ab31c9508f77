// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Flat records of the directory and of the server as people read them.
enum RecordText {
    /// A table with one column per named member; what is absent stays empty.
    static func table(_ records: [JSON], columns: [String], none: String) -> [String] {
        if records.isEmpty { return [none] }
        return TextTable(
            header: columns.map { label($0).uppercased() },
            rows: records.map { record in columns.map { value(record[$0]) ?? "" } }
        ).lines
    }

    /// A block with the named members first and every other one after them, so that nothing that
    /// the server says is lost.
    static func block(_ record: JSON, first: [String] = []) -> [String] {
        guard let object = record.objectValue else { return value(record).map { [$0] } ?? [] }
        var block = KeyValueBlock()
        for key in first { block.add(label(key), value(object[key])) }
        let shown = Set(first)
        for (key, member) in object where !shown.contains(key) {
            block.add(label(key), value(member))
        }
        return block.lines()
    }

    /// `treeSize` → `tree size`.
    static func label(_ key: String) -> String {
        var result = ""
        for scalar in key.unicodeScalars {
            if scalar.properties.isUppercase {
                result += " " + scalar.properties.lowercaseMapping
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func value(_ json: JSON?) -> String? {
        switch json {
        case nil, .null: nil
        case .bool(let flag): flag ? "yes" : "no"
        case .number(let number): number.text
        case .string(let text): text
        case .array(let items):
            items.compactMap(value)
                .joined(separator: items.contains { $0.objectValue != nil } ? "\n" : ", ")
        case .object(let object):
            object.compactMap { key, member in value(member).map { "\(label(key)) \($0)" } }
                .joined(separator: ", ")
        }
    }
}

/// Ledger entries as people read them.
enum AuditText {
    static func lines(_ entries: [JSON]) -> [String] {
        entries.map { entry in
            let leaf = entry["leaf"]
            let fields = [
                entry["index"]?.intValue.map { "\($0)" } ?? "?", leaf?["at"]?.stringValue ?? "",
                leaf?["kind"]?.stringValue ?? "", leaf?["ref"]?.stringValue ?? "",
            ]
            return TerminalText.escaped(fields.joined(separator: "  "))
        }
    }
}
