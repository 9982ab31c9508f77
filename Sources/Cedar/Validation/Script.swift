// SPDX-License-Identifier: Apache-2.0

/// The scripts that letters belong to.
///
/// Letters that several scripts share belong to none, and the rare scripts count as one. Made from
/// the data of Unicode 14 (UAX 24).
enum Script: UInt8, Hashable {
    case arabic, armenian, bengali, bopomofo, canadian, cherokee, cyrillic, devanagari, ethiopic,
        georgian, greek, gujarati, gurmukhi, han, hangul, hebrew, hiragana, kannada, katakana,
        khmer, lao, latin, malayalam, mongolian, myanmar, oriya, sinhala, syriac, tamil, telugu,
        thaana, thai, tibetan, other

    // swift-format-ignore
    private static let ranges: [(first: UInt32, last: UInt32, script: Script)] = [
        (0x41, 0x2E4, .latin), (0x370, 0x3E1, .greek), (0x3E2, 0x3EF, .other),
        (0x3F0, 0x3FF, .greek), (0x400, 0x52F, .cyrillic), (0x531, 0x588, .armenian),
        (0x5D0, 0x5F2, .hebrew), (0x620, 0x6FF, .arabic), (0x710, 0x74F, .syriac),
        (0x750, 0x77F, .arabic), (0x780, 0x7B1, .thaana), (0x7CA, 0x858, .other),
        (0x860, 0x86A, .syriac), (0x870, 0x8C9, .arabic), (0x904, 0x97F, .devanagari),
        (0x980, 0x9FC, .bengali), (0xA05, 0xA74, .gurmukhi), (0xA85, 0xAF9, .gujarati),
        (0xB05, 0xB71, .oriya), (0xB83, 0xBD0, .tamil), (0xC05, 0xC61, .telugu),
        (0xC80, 0xCF2, .kannada), (0xD04, 0xD7F, .malayalam), (0xD85, 0xDC6, .sinhala),
        (0xE01, 0xE46, .thai), (0xE81, 0xEDF, .lao), (0xF00, 0xF8C, .tibetan),
        (0x1000, 0x108E, .myanmar), (0x10A0, 0x10FF, .georgian), (0x1100, 0x11FF, .hangul),
        (0x1200, 0x138F, .ethiopic), (0x13A0, 0x13FD, .cherokee), (0x1401, 0x167F, .canadian),
        (0x1681, 0x1770, .other), (0x1780, 0x17DC, .khmer), (0x1820, 0x18AA, .mongolian),
        (0x18B0, 0x18F5, .canadian), (0x1900, 0x1C7D, .other), (0x1C80, 0x1C88, .cyrillic),
        (0x1C90, 0x1CBF, .georgian), (0x1CE9, 0x1CF3, .devanagari), (0x1CFA, 0x1CFA, .other),
        (0x1D00, 0x1D25, .latin), (0x1D26, 0x1D2A, .greek), (0x1D2B, 0x1D2B, .cyrillic),
        (0x1D2C, 0x1D5C, .latin), (0x1D5D, 0x1D61, .greek), (0x1D62, 0x1D65, .latin),
        (0x1D66, 0x1D6A, .greek), (0x1D6B, 0x1D77, .latin), (0x1D78, 0x1D78, .cyrillic),
        (0x1D79, 0x1DBE, .latin), (0x1DBF, 0x1DBF, .greek), (0x1E00, 0x1EFF, .latin),
        (0x1F00, 0x1FFC, .greek), (0x2071, 0x209C, .latin), (0x2126, 0x2126, .greek),
        (0x212A, 0x2184, .latin), (0x2C00, 0x2C5F, .other), (0x2C60, 0x2C7F, .latin),
        (0x2C80, 0x2CF3, .other), (0x2D00, 0x2D2D, .georgian), (0x2D30, 0x2D6F, .other),
        (0x2D80, 0x2DDE, .ethiopic), (0x3005, 0x303B, .han), (0x3041, 0x309F, .hiragana),
        (0x30A1, 0x30FF, .katakana), (0x3105, 0x312F, .bopomofo), (0x3131, 0x318E, .hangul),
        (0x31A0, 0x31BF, .bopomofo), (0x31F0, 0x31FF, .katakana), (0x3400, 0x9FFF, .han),
        (0xA000, 0xA62B, .other), (0xA640, 0xA69D, .cyrillic), (0xA6A0, 0xA6E5, .other),
        (0xA722, 0xA7FF, .latin), (0xA800, 0xA8B3, .other), (0xA8F2, 0xA8FE, .devanagari),
        (0xA90A, 0xA946, .other), (0xA960, 0xA97C, .hangul), (0xA984, 0xA9CF, .other),
        (0xA9E0, 0xA9FE, .myanmar), (0xAA00, 0xAA4B, .other), (0xAA60, 0xAA7F, .myanmar),
        (0xAA80, 0xAAF4, .other), (0xAB01, 0xAB2E, .ethiopic), (0xAB30, 0xAB64, .latin),
        (0xAB65, 0xAB65, .greek), (0xAB66, 0xAB69, .latin), (0xAB70, 0xABBF, .cherokee),
        (0xABC0, 0xABE2, .other), (0xAC00, 0xD7FB, .hangul), (0xF900, 0xFAD9, .han),
        (0xFB00, 0xFB06, .latin), (0xFB13, 0xFB17, .armenian), (0xFB1D, 0xFB4F, .hebrew),
        (0xFB50, 0xFEFC, .arabic), (0xFF21, 0xFF5A, .latin), (0xFF66, 0xFF9D, .katakana),
        (0xFFA0, 0xFFDC, .hangul), (0x10000, 0x10767, .other), (0x10780, 0x107BA, .latin),
        (0x10800, 0x11A9D, .other), (0x11AB0, 0x11ABF, .canadian), (0x11AC0, 0x16FE1, .other),
        (0x16FE3, 0x16FE3, .han), (0x17000, 0x18D08, .other), (0x1AFF0, 0x1B000, .katakana),
        (0x1B001, 0x1B11F, .hiragana), (0x1B120, 0x1B122, .katakana),
        (0x1B150, 0x1B152, .hiragana), (0x1B164, 0x1B167, .katakana), (0x1B170, 0x1BC99, .other),
        (0x1DF00, 0x1DF1E, .latin), (0x1E100, 0x1E2EB, .other), (0x1E7E0, 0x1E7FE, .ethiopic),
        (0x1E800, 0x1E94B, .other), (0x1EE00, 0x1EEBB, .arabic), (0x20000, 0x3134A, .han),
    ]

    /// The script of a letter; `nil` for everything else and for shared letters.
    init?(_ scalar: Unicode.Scalar) {
        guard scalar.isLetter else { return nil }
        var low = 0
        var high = Self.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if scalar.value > Self.ranges[middle].last { low = middle + 1 } else { high = middle }
        }
        guard low < Self.ranges.count, Self.ranges[low].first <= scalar.value else { return nil }
        self = Self.ranges[low].script
    }

    /// Whether text may well be in these scripts together: those of Chinese, Japanese and Korean
    /// are written side by side (UTS 39, section 5.1).
    static func belongTogether(_ scripts: Set<Script>) -> Bool {
        scripts.count <= 1 || scripts.isSubset(of: [.han, .hiragana, .katakana])
            || scripts.isSubset(of: [.han, .hangul]) || scripts.isSubset(of: [.han, .bopomofo])
    }
}

extension Unicode.Scalar {
    fileprivate var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }
}
