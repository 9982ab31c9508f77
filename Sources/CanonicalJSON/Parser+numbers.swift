// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// Reads a number, which starts at `at` with a minus sign or a digit.
    mutating func parseNumber() throws(Fault) -> JSONNumber {
        let start = at
        if peek() == UInt8(ascii: "-") { at += 1 }
        try parseIntegerPart()
        let integerEnd = at
        if peek() == UInt8(ascii: ".") {
            at += 1
            try skipDigits(after: "the decimal point")
        }
        var exponent = 0
        if peek() | 0x20 == UInt8(ascii: "e") {
            at += 1
            exponent = try parseExponent()
        }
        let length = at - start
        guard length <= limits.maximumNumberBytes else {
            throw fault(
                .numberTooLong, at: start,
                "number of \(length) characters: send at most \(limits.maximumNumberBytes)")
        }
        let number = JSONNumber(
            checked: String(
                decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self))
        // Far from the ends of the range nothing has to be computed: doubles reach from 10^-324
        // to 10^308, and `length` bounds how far the digits move the point.
        if exponent + length >= 300 { try checkRange(of: number, at: start) }
        if isCanonical, at > integerEnd || length > 15 || !number.isShortInteger {
            try checkCanonical(number, at: start)
        }
        return number
    }

    private mutating func parseIntegerPart() throws(Fault) {
        let first = at
        try skipDigits(after: "a minus sign")
        if bytes[first] == UInt8(ascii: "0"), at > first + 1 {
            throw fault(
                .invalidNumber, at: first, "number starts with a zero: remove the leading zeros")
        }
    }

    private mutating func skipDigits(after what: String) throws(Fault) {
        let first = at
        while at < bytes.count, bytes[at] &- UInt8(ascii: "0") < 10 { at += 1 }
        guard at > first else {
            guard at < bytes.count else { throw unexpected("a digit after \(what)") }
            throw fault(
                .invalidNumber, at: at, "expected a digit after \(what): found \(found(at))")
        }
    }

    /// Reads the exponent behind `e` and returns its magnitude, at most a million.
    private mutating func parseExponent() throws(Fault) -> Int {
        if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { at += 1 }
        let first = at
        try skipDigits(after: "the exponent sign")
        var exponent = 0
        for byte in bytes[first..<at] {
            exponent = min(exponent * 10 + Int(byte & 0x0F), 1_000_000)
        }
        return exponent
    }

    private func checkRange(of number: JSONNumber, at start: Int) throws(Fault) {
        let value = number.double
        guard !value.isFinite || value == 0 && !DecimalValue(number.text).digits.isEmpty else {
            return
        }
        throw fault(
            .numberOutOfRange, at: start,
            "number \(quoted(number.text)) is out of the range of doubles: send it as a string")
    }

    private func checkCanonical(_ number: JSONNumber, at start: Int) throws(Fault) {
        var canonical: [UInt8] = []
        ECMAScriptNumber.append(number.double, to: &canonical)
        guard !canonical.elementsEqual(bytes[start..<at]) else { return }
        throw fault(
            .notCanonical, at: start,
            "number \(quoted(number.text)): write "
                + quoted(String(decoding: canonical, as: UTF8.self)))
    }
}
