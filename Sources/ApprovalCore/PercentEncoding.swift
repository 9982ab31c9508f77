// SPDX-License-Identifier: Apache-2.0

/// Text in addresses and forms (RFC 3986 §2.1).
package enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// A value of a query or form: everything but RFC 3986 §2.3's unreserved characters encoded.
    ///
    /// `kept` are further characters that stay as they are.
    package static func encode(_ text: String, keeping kept: String = "") -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            case _ where kept.utf8.contains(byte): bytes.append(byte)
            default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// One segment of a path, which nothing can leave.
    package static func segment(_ text: String) -> String {
        // `.` and `..` are unreserved, and yet would climb out of the segment.
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) else {
            return encode(text)
        }
        return String(repeating: "%2E", count: text.utf8.count)
    }
}
