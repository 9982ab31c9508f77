// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore
internal import Foundation

/// A leaf's canonical line, `{"document":…,"subject":"…"}`, looked at without parsing it.
enum BaselineLine {
    /// The inside of the subject's string, escapes and all.
    ///
    /// Nothing inside of a string reads `,"`, because a quote in there has a backslash before it:
    /// so the last `,"subject":"` is the one. Nil for what is no such line.
    static func subject(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let mark = #","subject":""#.utf8
        guard line.count > mark.count + 2, line.suffix(2).elementsEqual("\"}".utf8) else {
            return nil
        }
        var place = line.count - 2 - mark.count
        while place >= 0 {
            if line[place] == UInt8(ascii: ","),
                line[place..<place + mark.count].elementsEqual(mark)
            {
                return UnsafeRawBufferPointer(
                    rebasing: line[place + mark.count..<line.count - 2])
            }
            place -= 1
        }
        return nil
    }

    static func areSame(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        return memcmp(left, right, a.count) == 0
    }

    /// The subject's text, unescaped.
    static func text(_ subject: UnsafeRawBufferPointer) throws -> [UInt8] {
        if !subject.contains(UInt8(ascii: "\\")) { return Array(subject) }
        let quoted = [UInt8(ascii: "\"")] + subject + [UInt8(ascii: "\"")]
        guard let text = try JSON(parsing: quoted).stringValue else { return [] }
        return Array(text.utf8)
    }

    /// Subject and document.
    static func leaf(_ line: UnsafeRawBufferPointer) throws -> (subject: String, document: JSON) {
        var reader = try JSONReader(try JSON(parsing: Array(line), limits: .files), path: "leaf")
        let document = try reader.value("document")
        let subject = try reader.string("subject")
        try reader.finish()
        return (subject, document)
    }
}
