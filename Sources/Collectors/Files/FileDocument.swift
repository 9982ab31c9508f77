// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

/// The document of one entry before it is written; members that do not apply are nil.
struct FileDocument {
    enum Digest {
        case plain(Hash256)
        /// Of a file that holds a secret.
        case keyed(JSON)
    }

    var type: StaticString
    var entry = clinux_entry()
    var digest: Digest?
    var target: [UInt8]?
    /// Canonical bytes.
    var content: [UInt8]?
    var acl: String?
    var defaultACL: String?
    var capabilities: String?
    /// Names (well-formed text) and digests of values, in the order of RFC 8785.
    var extended: [(name: String, digest: Hash256)] = []
    /// Whether it has no attributes but those that every file has.
    var isBare = true

    init(type: StaticString, entry: clinux_entry = clinux_entry()) {
        self.type = type
        self.entry = entry
    }

    /// Writes `{"document":{…}` in the order of RFC 8785 §3.2.3; the subject follows.
    func write(_ wanted: FileAttributes, to line: inout [UInt8]) {
        line.append(text: #"{"document":{"#)
        if let acl, wanted.contains(.acl) { line.member(#""acl":""#, acl) }
        if let capabilities, wanted.contains(.capabilities) {
            line.member(#""capabilities":""#, capabilities)
        }
        if let content {
            line.append(text: #""content":"#)
            line.append(contentsOf: content)
            line.append(UInt8(ascii: ","))
        }
        if let defaultACL, wanted.contains(.defaultACL) {
            line.member(#""defaultAcl":""#, defaultACL)
        }
        if wanted.contains(.group) { line.member(#""gid":"#, UInt64(entry.group)) }
        let kind = entry.mode & UInt32(S_IFMT)
        let isFile = kind == UInt32(S_IFREG)
        if isFile, wanted.contains(.links) { line.member(#""links":"#, entry.links) }
        if wanted.contains(.mode), kind != UInt32(S_IFLNK) { line.mode(entry.mode & 0o7777) }
        if kind == UInt32(S_IFBLK) || kind == UInt32(S_IFCHR), wanted.contains(.device) {
            line.append(text: #""rdev":""#)
            line.append(decimal: UInt64(entry.major))
            line.append(UInt8(ascii: ":"))
            line.append(decimal: UInt64(entry.minor))
            line.append(text: #"","#)
        }
        writeDigest(wanted, isFile: isFile, to: &line)
        if let target, wanted.contains(.target) {
            line.append(text: #""target":""#)
            FilePath.appendEscaped(FilePath.encoded(target), to: &line)
            line.append(text: #"","#)
        }
        line.append(text: #""type":""#)
        line.append(text: type)
        line.append(UInt8(ascii: "\""))
        if wanted.contains(.owner) {
            line.append(text: #","uid":"#)
            line.append(decimal: UInt64(entry.owner))
        }
        if !extended.isEmpty, wanted.contains(.extended) { writeExtended(to: &line) }
        line.append(UInt8(ascii: "}"))
    }

    private func writeDigest(_ wanted: FileAttributes, isFile: Bool, to line: inout [UInt8]) {
        var showsSize = isFile
        switch digest {
        case .plain(let hash) where wanted.contains(.digest):
            line.append(text: #""sha256":""#)
            hash.appendHex(to: &line)
            line.append(text: #"","#)
        case .keyed(let value):
            showsSize = false
            if wanted.contains(.digest) {
                line.append(text: #""sha256":"#)
                line.append(contentsOf: value.description.utf8)
                line.append(UInt8(ascii: ","))
            }
        case .plain, nil: break
        }
        if showsSize, wanted.contains(.size) {
            line.member(#""size":"#, UInt64(clamping: entry.size))
        }
    }

    private func writeExtended(to line: inout [UInt8]) {
        line.append(text: #","xattrs":{"#)
        for (index, attribute) in extended.enumerated() {
            line.append(text: index == 0 ? "\"" : ",\"")
            FilePath.appendEscaped(Array(attribute.name.utf8), to: &line)
            line.append(text: #"":"sha256:"#)
            attribute.digest.appendHex(to: &line)
            line.append(UInt8(ascii: "\""))
        }
        line.append(UInt8(ascii: "}"))
    }
}

extension [UInt8] {
    mutating func append(text: StaticString) {
        append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(decimal value: UInt64) {
        if value < 10 { return append(UInt8(ascii: "0") + UInt8(value)) }
        let start = count
        var rest = value
        while rest > 0 {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        self[start...].reverse()
    }

    /// A member with a number, and the comma behind it.
    fileprivate mutating func member(_ name: StaticString, _ value: UInt64) {
        append(text: name)
        append(decimal: value)
        append(UInt8(ascii: ","))
    }

    /// A member with a text that needs no escapes, and the comma behind it.
    fileprivate mutating func member(_ name: StaticString, _ plain: String) {
        append(text: name)
        append(contentsOf: plain.utf8)
        append(text: #"","#)
    }

    /// At least four octal digits.
    fileprivate mutating func mode(_ bits: UInt32) {
        append(text: #""mode":""#)
        for shift in [9, 6, 3, 0] as [UInt32] {
            append(UInt8(ascii: "0") + UInt8((bits >> shift) & 7))
        }
        append(text: #"","#)
    }
}
