// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Equality of bytes.
    func isBytes(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Tells whether the bytes begin with those of `prefix`.
    func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Tells whether the bytes end with those of `suffix`.
    func hasByteSuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count
            && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// Tells whether every byte is printable ASCII.
    ///
    /// Only such words may name a program, a subcommand or an option in the table.
    var isPlainWord: Bool { utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }

    /// The parts between occurrences of an ASCII byte, empty ones included.
    func parts(separatedBy separator: UInt8) -> [String] {
        utf8.split(separator: separator, omittingEmptySubsequences: false)
            .map { String($0) ?? "" }
    }

    /// The bytes after `count` bytes, or nil where that is inside a character.
    func dropping(bytes count: Int) -> String? { String(utf8.dropFirst(count)) }
}
