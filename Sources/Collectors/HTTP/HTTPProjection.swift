// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Which parts of a document are watched.
///
/// `"select":{"name":"$.owner.name","hooks":"$.hooks[*].url"}` gives the subjects `response:name`
/// and `response:hooks`. A query that can only lead to one place (RFC 9535, §2.3.5.1) gives what is
/// there, and no subject where nothing is; every other gives the list of all it finds. Without
/// a selection the whole document is `response:document`.
struct HTTPProjection: Sendable, Hashable {
    private struct Part: Sendable, Hashable {
        let name: String
        let path: JSONPath
        let isSingular: Bool
    }

    private static let maximumParts = 1_000

    private let parts: [Part]

    /// Reads the member `select`.
    init(_ reader: inout JSONReader) throws {
        guard let value = reader.optionalValue("select"), !value.isNull else {
            parts = []
            return
        }
        guard case .object(let members) = value, (1...Self.maximumParts).contains(members.count)
        else {
            throw reader.error("select", "expected an object of 1 to \(Self.maximumParts) queries")
        }
        var parts: [Part] = []
        for (name, query) in members {
            guard let text = query.stringValue else {
                throw reader.error("select", "`\(ShownText.line(name))` is no text")
            }
            parts.append(
                Part(name: name, path: try JSONPath(text), isSingular: Self.isSingular(text)))
        }
        self.parts = parts
    }

    /// Whether a query has neither wildcards, slices, filters, unions nor descents; that it is a
    /// query is known.
    static func isSingular(_ query: String) -> Bool {
        var quote: UInt8?
        var isEscaped = false
        var previous: UInt8 = 0
        for byte in query.utf8 {
            defer { previous = byte }
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == open {
                    quote = nil
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
            case UInt8(ascii: "*"), UInt8(ascii: ":"), UInt8(ascii: "?"), UInt8(ascii: ","):
                return false
            case UInt8(ascii: ".") where previous == byte: return false
            default: break
            }
        }
        return true
    }

    /// What is found in the pages of a document.
    /// - Throws: ``CollectorFailure`` where a query takes too many steps.
    func subjects(
        in pages: [JSON]
    ) throws(CollectorFailure) -> [(subject: String, document: JSON)] {
        guard !parts.isEmpty else {
            return [("response:document", pages.count == 1 ? pages[0] : .array(pages))]
        }
        var subjects: [(subject: String, document: JSON)] = []
        for part in parts {
            var found: [JSON] = []
            for page in pages { found += try part.path.values(in: page) }
            if !part.isSingular || pages.count > 1 {
                subjects.append(("response:\(part.name)", .array(found)))
            } else if let only = found.first {
                subjects.append(("response:\(part.name)", only))
            }
        }
        return subjects
    }
}

extension JSONPath {
    /// What the query finds.
    /// - Throws: ``CollectorFailure`` where it takes too many steps.
    func values(in document: JSON) throws(CollectorFailure) -> [JSON] {
        do throws(JSONPathError) {
            return try nodes(in: document).map { $0.1 }
        } catch {
            throw CollectorFailure(
                .tooLarge, "`\(ShownText.line(text))`: \(ShownText.line(error.description))")
        }
    }
}
