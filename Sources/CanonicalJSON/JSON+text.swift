// SPDX-License-Identifier: Apache-2.0

extension JSON: CustomStringConvertible {
    /// The value as JSON in one line, members in canonical order, every number as it was read.
    ///
    /// For messages and answers. What is hashed or signed is ``canonicalBytes(numbers:)``, which
    /// may write numbers differently.
    public var description: String { text(indentation: nil) }

    /// The value as JSON over several lines, for people; every number as it was read.
    /// - Parameter indentation: the number of spaces for each level.
    /// - Returns: the text, without a line feed at its end.
    public func prettyText(indentation: Int = 2) -> String { text(indentation: indentation) }

    private func text(indentation: Int?) -> String {
        var printer = Printer(indentation: indentation)
        printer.append(self)
        return String(decoding: printer.bytes, as: UTF8.self)
    }
}

private struct Printer {
    let indentation: Int?
    var bytes: [UInt8] = []
    private var depth = 0

    init(indentation: Int?) { self.indentation = indentation }

    mutating func append(_ value: JSON) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .number(let number): bytes += number.text.utf8
        case .string(let text): CanonicalForm.append(text, to: &bytes)
        case .array(let elements):
            append(elements, between: "[", "]") { printer, element in printer.append(element) }
        case .object(let object):
            append(object.members, between: "{", "}") { printer, member in
                CanonicalForm.append(member.key, to: &printer.bytes)
                printer.bytes += (printer.indentation == nil ? ":" : ": ").utf8
                printer.append(member.value)
            }
        }
    }

    private mutating func append<Item>(
        _ items: [Item], between opening: String, _ closing: String,
        item: (inout Printer, Item) -> Void
    ) {
        bytes += opening.utf8
        depth += 1
        for (index, element) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            breakLine()
            item(&self, element)
        }
        depth -= 1
        if !items.isEmpty { breakLine() }
        bytes += closing.utf8
    }

    private mutating func breakLine() {
        guard let indentation else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * indentation))
    }
}
