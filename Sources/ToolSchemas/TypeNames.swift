// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Names of types and namespaces for names that may be any text.
///
/// Actions and keys of records are free text in Cedar; only types and namespaces are identifiers.
enum TypeNames {
    private static let reserved: Set<String> = [
        "true", "false", "if", "then", "else", "in", "is", "has", "like", "__cedar",
        // Types of the language and the type of actions, which no declaration may take.
        "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String", "Action",
    ]

    /// The most readable identifier for a name: it stays as it is where it is one.
    static func identifier(for name: String) -> String {
        var text = ""
        var isCut = false
        for scalar in name.unicodeScalars {
            // Long names only make schemas unreadable; they are told apart by their suffix.
            guard text.utf8.count < longest else {
                isCut = true
                break
            }
            switch scalar {
            case "a"..."z", "A"..."Z", "_": text.unicodeScalars.append(scalar)
            case "0"..."9":
                if text.isEmpty { text = "_" }
                text.unicodeScalars.append(scalar)
            default: text += "_"
            }
        }
        if text.isEmpty { text = "_" }
        if isCut { return "\(text)_\(suffix(name, isLong: false))" }
        return reserved.contains(text) ? "\(text)_" : text
    }

    private static let longest = 128

    /// Names side by side, in the order given, each a different identifier.
    ///
    /// Where several names would become one identifier, those that had to be changed get a suffix
    /// that only depends on the name itself.
    /// - Returns: `nil` where even the suffixes are the same, which takes intent.
    static func identifiers(for names: [String]) -> [String]? {
        let plain = names.map(identifier)
        var count: [String: Int] = [:]
        for name in plain { count[name, default: 0] += 1 }
        for isLong in [false, true] {
            let all = zip(names, plain).map { name, plain in
                count[plain] == 1 || UTF8Bytes.areEqual(name, plain)
                    ? plain : "\(plain)_\(suffix(name, isLong: isLong))"
            }
            if Set(all).count == all.count { return all }
        }
        return nil
    }

    /// An identifier that says of itself that it was changed, for names whose neighbours are not
    /// known.
    static func lone(_ name: String) -> String {
        let plain = identifier(for: name)
        return UTF8Bytes.areEqual(plain, name) ? plain : "\(plain)_\(suffix(name, isLong: false))"
    }

    /// FNV-1a of the name; it keeps apart what happens to collide, not what is made to.
    private static func suffix(_ name: String, isLong: Bool) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.utf8.count) + digits
        return isLong ? padded : String(padded.suffix(6))
    }
}
