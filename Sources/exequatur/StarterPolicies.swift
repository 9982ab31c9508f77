// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CResources

/// The policies of `policies/starter`, as embedded in this binary.
enum StarterPolicies {
    static var files: [PolicyFile] {
        var files: [PolicyFile] = []
        while let resource = starter_policy(CInt(files.count)) {
            let bytes = UnsafeBufferPointer(
                start: resource.pointee.bytes, count: resource.pointee.size)
            files.append(
                PolicyFile(
                    name: String(cString: resource.pointee.name),
                    text: String(decoding: bytes, as: UTF8.self)))
        }
        return files
    }
}
