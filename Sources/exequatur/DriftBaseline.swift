// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What a source should look like, read whole: a person who approves it has seen all of it.
enum DriftBaseline {
    /// All pages as one.
    ///
    /// - Throws: ``CLIError`` where what is proposed or approved changes while it is read.
    static func read(_ api: APIClient, of source: String) async throws -> JSON {
        let path = try DriftPath.source(source).appending("baseline")
        var whole: JSONObject = [:]
        var leaves: [JSON] = []
        var offset: Int64? = 0
        while let from = offset {
            let page = try await api.get(path.query("offset", "\(from)"))
            guard let some = page["leaves"]?.arrayValue else {
                throw CLIError("the answer to `\(path.text)` has no `leaves`")
            }
            for name in ["baseline", "proposed"] {
                guard from == 0 || page[name]?["root"] == whole[name]?["root"] else {
                    throw CLIError("it changed while it was read: ask again")
                }
                whole[name] = page[name] ?? .null
            }
            leaves += some
            offset = page["next"]?.intValue
            guard offset == nil || offset == Int64(leaves.count) && !some.isEmpty else {
                throw CLIError("the pages of `\(path.text)` do not follow each other")
            }
        }
        whole["leaves"] = .array(leaves)
        return .object(whole)
    }
}
