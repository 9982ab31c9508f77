// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// This document after a JSON Merge Patch (RFC 7386).
    ///
    /// Members of `patch` replace those of the same name, objects recursively, and `null` removes
    /// one; anything but an object replaces the whole.
    public func merging(patch: JSON) -> JSON {
        guard case .object(let changes) = patch else { return patch }
        var members = objectValue ?? JSONObject()
        for (name, change) in changes {
            // Not `? … : nil`: that would be the literal `null`.
            if change.isNull {
                members[name] = Optional.none
            } else {
                members[name] = (members[name] ?? .null).merging(patch: change)
            }
        }
        return .object(members)
    }
}
