// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The fields of an `application/x-www-form-urlencoded` body, read strictly.
struct FormFields: Sendable {
    /// A job's token of the largest size, and something for the rest.
    private static let limit = 65_536
    private static let fields = 32
    private let values: [(name: String, value: String)]

    /// Nil where the text is no such form: a broken escape, or bytes that are no UTF-8.
    init?(_ bytes: [UInt8]) {
        var values: [(name: String, value: String)] = []
        for field in bytes.split(separator: UInt8(ascii: "&")) {
            let halves = field.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard values.count < Self.fields, let name = Self.decoded(halves[0]),
                let value = Self.decoded(halves.count > 1 ? halves[1] : [])
            else { return nil }
            values.append((name, value))
        }
        self.values = values
    }

    /// Reads the body of a request; one that is larger or of another type is refused.
    static func read(_ request: Request) async throws -> FormFields {
        let type = request.headers[.contentType]?.split(separator: ";").first.map(String.init)
        guard type?.lowercased() == "application/x-www-form-urlencoded" else {
            throw Problem(
                .unsupportedMediaType, "media_type",
                "send `Content-Type: application/x-www-form-urlencoded`")
        }
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "too_large", "a form has at most 64 KiB")
        }
        guard let fields = FormFields([UInt8](buffer.readableBytesView)) else {
            throw OAuth.invalidRequest("the form can't be read")
        }
        return fields
    }

    /// All values of a field, in order.
    func all(_ name: String) -> [String] {
        values.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    /// Every field by its name; nil where a name is there twice.
    var unique: [String: String]? {
        var result: [String: String] = [:]
        for (name, value) in values {
            guard result.updateValue(value, forKey: name) == nil else { return nil }
        }
        return result
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "+"): result.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard bytes.endIndex - index > 2, let high = digit(bytes[index + 1]),
                    let low = digit(bytes[index + 2])
                else { return nil }
                result.append(high << 4 | low)
                index += 2
            default: result.append(bytes[index])
            }
            index += 1
        }
        return String(validating: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
