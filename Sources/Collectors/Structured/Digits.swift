// SPDX-License-Identifier: Apache-2.0

/// Numbers of other languages as JSON writes them, exactly.
enum Digits {
    /// The most digits of a number in another base than ten: more than any register has.
    private static let most = 256

    static func value(_ byte: UInt8, radix: Int) -> Int? {
        let value: Int
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = Int(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = Int(byte) - 0x61 + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = Int(byte) - 0x41 + 10
        default: return nil
        }
        return value < radix ? value : nil
    }

    /// The decimal digits of a number in another base; nil for what is no such number, or too long.
    static func decimal(_ digits: some Sequence<UInt8>, radix: Int) -> String? {
        // Decimal digits, the least significant first.
        var result: [Int] = [0]
        var count = 0
        for byte in digits {
            guard let digit = value(byte, radix: radix), count < most else { return nil }
            count += 1
            var carry = digit
            for index in result.indices {
                let sum = result[index] * radix + carry
                result[index] = sum % 10
                carry = sum / 10
            }
            while carry > 0 {
                result.append(carry % 10)
                carry /= 10
            }
        }
        return count == 0 ? nil : result.reversed().map { String($0) }.joined()
    }

    /// A decimal number as JSON writes it: without `+` and zeros in front, and with a digit on
    /// either side of the point; nil for what is no decimal number.
    static func json(_ text: String) -> String? {
        var rest = text.utf8[...]
        var result = ""
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            if sign == UInt8(ascii: "-") { result = "-" }
            rest = rest.dropFirst()
        }
        func digits() -> Substring.UTF8View {
            let found = rest.prefix { value($0, radix: 10) != nil }
            rest = rest.dropFirst(found.count)
            return found
        }
        let whole = digits()
        var fraction = Substring().utf8
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = digits()
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let significant = whole.drop { $0 == UInt8(ascii: "0") }
        result += significant.isEmpty ? "0" : String(Substring(significant))
        if !fraction.isEmpty { result += "." + String(Substring(fraction)) }
        if let letter = rest.first, letter == UInt8(ascii: "e") || letter == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            result += "e"
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                if sign == UInt8(ascii: "-") { result += "-" }
                rest = rest.dropFirst()
            }
            let exponent = digits()
            guard !exponent.isEmpty else { return nil }
            result += String(Substring(exponent))
        }
        return rest.isEmpty ? result : nil
    }
}
