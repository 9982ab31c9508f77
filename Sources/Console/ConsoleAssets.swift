// SPDX-License-Identifier: Apache-2.0

import CConsoleAssets

/// A static file of the console, embedded in the binary.
public struct ConsoleAsset: Sendable, Hashable {
    /// File name, for example `app.css`.
    public let name: String
    /// Content.
    public let bytes: [UInt8]
    /// Value for the `Content-Type` header.
    public let contentType: String
    /// Value for the `ETag` header, with its quotes.
    public let etag: String
    /// Content-hashed path, `/assets/<hash>/<name>`: what is behind it never changes.
    public let path: String
}

/// The files that the C target embeds.
enum EmbeddedFiles {
    /// Static files by name, everything but the templates.
    static func assets() -> [String: ConsoleAsset] {
        var assets: [String: ConsoleAsset] = [:]
        // The style sheet comes last: it names the others, by paths that follow their content.
        let files = all().filter { contentType(of: $0.name) != nil }
        let sheets = files.filter { $0.name.hasSuffix(".css") }
        for (name, content) in files.filter({ !$0.name.hasSuffix(".css") }) + sheets {
            let bytes = name.hasSuffix(".css") ? linked(content, to: assets) : content
            let hash = contentHash(bytes)
            assets[name] = ConsoleAsset(
                name: name, bytes: bytes, contentType: contentType(of: name) ?? "",
                etag: "\"\(hash)\"", path: "/assets/\(hash)/\(name)")
        }
        return assets
    }

    /// Template texts by name, without the extension.
    static func templates() -> [(name: String, text: String)] {
        let suffix = ".mustache"
        return all().filter { $0.name.hasSuffix(suffix) }.map { file in
            (String(file.name.dropLast(suffix.count)), String(decoding: file.bytes, as: UTF8.self))
        }
    }

    /// The style sheet with each `url(NAME)` replaced by the content-hashed path of that file.
    private static func linked(_ sheet: [UInt8], to assets: [String: ConsoleAsset]) -> [UInt8] {
        let opening = Array("url(".utf8)
        var linked: [UInt8] = []
        linked.reserveCapacity(sheet.count + 256)
        var position = 0
        while position < sheet.count {
            linked.append(sheet[position])
            position += 1
            guard linked.last == opening.last, linked.suffix(opening.count) == opening[...] else {
                continue
            }
            let name = sheet[position...].prefix { $0 != UInt8(ascii: ")") }
            guard let asset = assets[String(decoding: name, as: UTF8.self)] else { continue }
            linked += Array(asset.path.utf8)
            position = name.endIndex
        }
        return linked
    }

    private static func all() -> [(name: String, bytes: [UInt8])] {
        (0..<console_asset_count()).compactMap { index in
            // The table lives in the binary's read-only data for as long as the process does.
            guard let asset = console_asset_at(index)?.pointee else { return nil }
            return (
                String(cString: asset.name),
                Array(UnsafeBufferPointer(start: asset.bytes, count: asset.length))
            )
        }
    }

    private static func contentType(of name: String) -> String? {
        switch name.split(separator: ".").last {
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        default: nil
        }
    }

    /// FNV-1a, 64 bits: it tells two builds of our own files apart, and guards against nobody.
    static func contentHash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
