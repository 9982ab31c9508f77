// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// A JSONPath query (RFC 9535).
package struct JSONPath: Sendable, Hashable {
    package let text: String

    package init(_ text: String) throws(JSONPathError) {
        throw JSONPathError(description: "JSONPath is not supported yet")
    }

    package func nodes(in document: JSON) -> [(JSONPointer, JSON)] { [] }
}

/// Why a text is not a JSONPath query.
package struct JSONPathError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}
