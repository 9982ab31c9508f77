// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import Crypto
internal import TransparencyLog

/// Replaces what is secret by a digest under a key that stays where the collector is.
///
/// A change of a secret still shows, as another digest; its value and its length do not.
package struct Redactor: Sendable {
    private let key: SymmetricKey
    private let paths: [JSONPath]

    /// - Parameters:
    ///   - key: 32 bytes that never leave the machine.
    ///   - secrets: JSONPath expressions of what to replace.
    /// - Throws: ``JSONPathError`` for an expression that is none.
    package init(key: [UInt8], secrets: [String]) throws(JSONPathError) {
        self.key = SymmetricKey(data: key)
        var paths: [JSONPath] = []
        for secret in secrets { paths.append(try JSONPath(secret)) }
        self.paths = paths
    }

    /// What stands for a secret value: `{"$secret":"hmac-sha256:…"}`.
    package func digest(_ bytes: [UInt8]) -> JSON {
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: key)
        let hex = Hash256(bytes: Array(code))?.hex ?? ""
        return ["$secret": .string("hmac-sha256:\(hex)")]
    }

    /// The document with every secret replaced.
    ///
    /// - Throws: where a secret value has no canonical form, and where a path takes too long to
    ///   follow; then nothing may leave the collector.
    package func redact(_ document: JSON) throws -> JSON {
        var result = document
        for path in paths {
            for (pointer, value) in try path.nodes(in: document) where !value.isRedacted {
                result = result.replacing(pointer, with: digest(try value.canonicalBytes()))
            }
        }
        return result
    }
}

extension JSON {
    /// Whether this stands for a secret.
    package var isRedacted: Bool {
        guard let object = objectValue, object.count == 1 else { return false }
        return object["$secret"]?.stringValue?.hasPrefix("hmac-sha256:") == true
    }

    /// The document with the value at `pointer` replaced; unchanged where it leads nowhere.
    func replacing(_ pointer: JSONPointer, with value: JSON) -> JSON {
        replacing(pointer.tokens[...], with: value)
    }

    private func replacing(_ tokens: ArraySlice<String>, with value: JSON) -> JSON {
        guard let token = tokens.first else { return value }
        switch self {
        case .object(var members):
            guard let member = members[token] else { return self }
            members[token] = member.replacing(tokens.dropFirst(), with: value)
            return .object(members)
        case .array(var elements):
            guard let index = JSONPointer.index(token), elements.indices.contains(index) else {
                return self
            }
            elements[index] = elements[index].replacing(tokens.dropFirst(), with: value)
            return .array(elements)
        default: return self
        }
    }
}
