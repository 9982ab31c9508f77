// SPDX-License-Identifier: Apache-2.0

/// A start or end tag, as a browser would see it.
struct Tag: Equatable {
    var name: String
    var attributes: [(name: String, value: String)]
    var isEnd: Bool
    /// Text between this tag and the next one.
    var text: String

    subscript(attribute: String) -> String? {
        attributes.first { $0.name == attribute }?.value
    }

    static func == (left: Tag, right: Tag) -> Bool {
        left.name == right.name && left.isEnd == right.isEnd && left.text == right.text
            && left.attributes.map(\.name) == right.attributes.map(\.name)
            && left.attributes.map(\.value) == right.attributes.map(\.value)
    }
}

/// Splits HTML into tags the way a browser's tokenizer does, over Unicode scalars: that a quote
/// carries a combining mark does not stop it from being a quote.
struct HTMLScanner {
    private let scalars: [Unicode.Scalar]
    private var position = 0

    static func tags(of html: String) -> [Tag] {
        var scanner = HTMLScanner(scalars: Array(html.unicodeScalars))
        var tags: [Tag] = []
        while let tag = scanner.next() { tags.append(tag) }
        return tags
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private var current: Unicode.Scalar? {
        position < scalars.count ? scalars[position] : nil
    }

    private mutating func next() -> Tag? {
        while let scalar = current {
            position += 1
            guard scalar == "<", let after = current else { continue }
            let isEnd = after == "/"
            if isEnd { position += 1 }
            guard let first = current, first.properties.isAlphabetic, first.isASCII else {
                continue
            }
            return tag(isEnd: isEnd)
        }
        return nil
    }

    private mutating func tag(isEnd: Bool) -> Tag {
        let name = word()
        var attributes: [(name: String, value: String)] = []
        while let scalar = current, scalar != ">" {
            if scalar == " " || scalar == "\n" || scalar == "/" {
                position += 1
                continue
            }
            let attribute = word()
            var value = ""
            if current == "=" {
                position += 1
                value = self.value()
            } else if attribute.isEmpty {
                position += 1
            }
            attributes.append((attribute, value))
        }
        position += 1
        return Tag(name: name, attributes: attributes, isEnd: isEnd, text: text())
    }

    private mutating func word() -> String {
        take { !" \n/>=".unicodeScalars.contains($0) }.lowercased()
    }

    private mutating func value() -> String {
        guard let quote = current, quote == "\"" || quote == "'" else {
            return take { !" \n>".unicodeScalars.contains($0) }
        }
        position += 1
        let value = take { $0 != quote }
        position += 1
        return value
    }

    private func text() -> String {
        var copy = self
        return copy.take { $0 != "<" }
    }

    private mutating func take(while condition: (Unicode.Scalar) -> Bool) -> String {
        var taken = String.UnicodeScalarView()
        while let scalar = current, condition(scalar) {
            taken.append(scalar)
            position += 1
        }
        return String(taken)
    }
}
