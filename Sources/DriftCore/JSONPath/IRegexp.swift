// SPDX-License-Identifier: Apache-2.0

/// A regular expression that means the same everywhere: I-Regexp (RFC 9485).
///
/// Matching takes time linear in the text, whatever the expression: all states are followed at
/// once, and nothing is tried twice. There are no captures and no classes such as `\d`. `^` and `$`
/// stand for the start and the end of the text, as the public test suite of JSONPath wants it and
/// everybody means it; by the letter of the RFC they would be ordinary characters, which are
/// written `\^` and `[$]`.
///
/// Source: K. Thompson, *Regular expression search algorithm* (1968).
struct IRegexp: Sendable {
    /// The most states; repetitions like `x{100}` are written out.
    static let maximumStates = 4096
    /// The most parentheses inside each other.
    static let maximumNesting = 64
    /// The highest number in `{…}`.
    static let maximumRepetition = 1000

    enum State: Sendable {
        /// Reads one character, and goes on to the next state.
        case character(CharacterClass)
        /// Goes on to the next state at the start of the text only.
        case start
        /// Goes on to the next state at the end of the text only.
        case finish
        /// Goes on to both states without reading.
        case split(Int, Int)
        case jump(Int)
        case end
    }

    let states: [State]

    /// Compiles an expression.
    ///
    /// - Throws: ``IRegexpError`` for what RFC 9485 does not allow, and beyond the limits.
    init(_ text: String) throws(IRegexpError) {
        var parser = IRegexpParser(text)
        var compiler = IRegexpCompiler()
        try compiler.append(try parser.parseWhole())
        try compiler.emit(.end)
        states = compiler.states
    }
}

/// A set of characters: ranges and Unicode general categories.
struct CharacterClass: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    /// For each category one bit, as ``bit(_:)`` numbers them.
    var categories: UInt32 = 0
    var isNegated = false

    /// `.`, which is not the end of a line.
    static let any = CharacterClass(ranges: [0x0A...0x0A, 0x0D...0x0D], isNegated: true)

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var isInside = ranges.contains { $0.contains(scalar.value) }
        if !isInside, categories != 0 {
            isInside = categories & Self.bit(scalar.properties.generalCategory) != 0
        }
        return isInside != isNegated
    }

    /// The categories of a property such as `L` or `Lu`; `nil` for one that RFC 9485 lacks.
    static func categories(_ name: String) -> UInt32? {
        let matching = names.filter {
            $0.name == name || (name.utf8.count == 1 && $0.name.hasPrefix(name))
        }
        if matching.isEmpty { return nil }
        return matching.reduce(0) { $0 | bit($1.category) }
    }

    /// All of them; `Cs` does not occur in text.
    static let allCategories: UInt32 = names.reduce(0) { $0 | bit($1.category) }

    private static let names: [(name: String, category: Unicode.GeneralCategory)] = [
        ("Ll", .lowercaseLetter), ("Lm", .modifierLetter), ("Lo", .otherLetter),
        ("Lt", .titlecaseLetter), ("Lu", .uppercaseLetter), ("Mc", .spacingMark),
        ("Me", .enclosingMark), ("Mn", .nonspacingMark), ("Nd", .decimalNumber),
        ("Nl", .letterNumber), ("No", .otherNumber), ("Pc", .connectorPunctuation),
        ("Pd", .dashPunctuation), ("Pe", .closePunctuation), ("Pf", .finalPunctuation),
        ("Pi", .initialPunctuation), ("Po", .otherPunctuation), ("Ps", .openPunctuation),
        ("Zl", .lineSeparator), ("Zp", .paragraphSeparator), ("Zs", .spaceSeparator),
        ("Sc", .currencySymbol), ("Sk", .modifierSymbol), ("Sm", .mathSymbol),
        ("So", .otherSymbol), ("Cc", .control), ("Cf", .format), ("Cn", .unassigned),
        ("Co", .privateUse),
    ]

    private static func bit(_ category: Unicode.GeneralCategory) -> UInt32 {
        switch category {
        case .lowercaseLetter: 1 << 0
        case .modifierLetter: 1 << 1
        case .otherLetter: 1 << 2
        case .titlecaseLetter: 1 << 3
        case .uppercaseLetter: 1 << 4
        case .spacingMark: 1 << 5
        case .enclosingMark: 1 << 6
        case .nonspacingMark: 1 << 7
        case .decimalNumber: 1 << 8
        case .letterNumber: 1 << 9
        case .otherNumber: 1 << 10
        case .connectorPunctuation: 1 << 11
        case .dashPunctuation: 1 << 12
        case .closePunctuation: 1 << 13
        case .finalPunctuation: 1 << 14
        case .initialPunctuation: 1 << 15
        case .otherPunctuation: 1 << 16
        case .openPunctuation: 1 << 17
        case .lineSeparator: 1 << 18
        case .paragraphSeparator: 1 << 19
        case .spaceSeparator: 1 << 20
        case .currencySymbol: 1 << 21
        case .modifierSymbol: 1 << 22
        case .mathSymbol: 1 << 23
        case .otherSymbol: 1 << 24
        case .control: 1 << 25
        case .format: 1 << 26
        case .unassigned: 1 << 27
        case .privateUse: 1 << 28
        case .surrogate: 1 << 29
        @unknown default: 0
        }
    }
}

/// Why a text is not an I-Regexp.
struct IRegexpError: Error, Sendable, CustomStringConvertible {
    let description: String
}
