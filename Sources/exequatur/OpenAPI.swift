// SPDX-License-Identifier: Apache-2.0

internal import CResources

/// The description of the HTTP interface, as embedded in this binary.
enum OpenAPIDocument {
    static var bytes: [UInt8] {
        guard let resource = openapi_document() else { return [] }
        return Array(
            UnsafeBufferPointer(start: resource.pointee.bytes, count: resource.pointee.size))
    }
}
