// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What an action says it will change: frozen with the operation, shown to reviewers, and the only
/// thing by which drift detection explains a change.
///
/// In an operation's `effects`:
/// `{"scope":"host-a","subject":"file:/etc/app.conf","path":"/content/port","post":8080}`.
package struct DeclaredEffect: Sendable, Hashable {
    /// What is to be there afterwards.
    package enum Post: Sendable, Hashable {
        /// This value.
        case value(JSON)
        /// A value whose canonical bytes have this SHA-256, for what is large or secret.
        case digest(Hash256)
        /// Nothing.
        case absent
        /// Whatever is observed while the action runs; weaker than the others, and labelled.
        case observed
    }

    /// Where the subject is: the scope of a drift source.
    package let scope: String
    /// What changes, as drift sources name it: `file:/etc/app.conf`, `role:alice`.
    package let subject: String
    /// Where in the subject's document, as a JSON Pointer; empty for all of it.
    package let path: JSONPointer
    package let post: Post
    /// Seconds after the action's end within which the effect may first be seen; nil for the
    /// default.
    package let within: Int64?
    /// Further places of the same scope that change along with it: a subject, and a pointer in it.
    package let derived: [Place]
    /// As it was declared: the digest of its operation is over just this.
    package let json: JSON

    package struct Place: Sendable, Hashable {
        package let subject: String
        package let path: JSONPointer

        package init(subject: String, path: JSONPointer) {
            self.subject = subject
            self.path = path
        }

        package static func == (a: Place, b: Place) -> Bool {
            a.subject.utf8.elementsEqual(b.subject.utf8) && a.path == b.path
        }

        package func hash(into hasher: inout Hasher) {
            for byte in subject.utf8 { hasher.combine(byte) }
            hasher.combine(path)
        }
    }

    package init(
        scope: String, subject: String, path: JSONPointer = JSONPointer(tokens: []), post: Post,
        within: Int64? = nil, derived: [Place] = []
    ) {
        self.scope = scope
        self.subject = subject
        self.path = path
        self.post = post
        self.within = within
        self.derived = derived
        json = Self.json(scope, subject, path, post, within, derived)
    }

    /// Reads one; unknown members are refused, and exactly one of `post`, `postDigest`, `absent`
    /// and `observed` must be there.
    package init(_ json: JSON, path place: String) throws {
        self.json = json
        var reader = try JSONReader(json, path: place)
        scope = try reader.string("scope")
        subject = try reader.string("subject")
        path = try JSONPointer(parsing: try reader.optionalString("path") ?? "")
        var posts: [Post] = []
        if let value = reader.optionalValue("post") { posts.append(.value(value)) }
        if let digest = try reader.optionalString("postDigest") {
            guard digest.hasPrefix(Self.digestPrefix),
                let hash = Hash256(hex: String(digest.dropFirst(Self.digestPrefix.count)))
            else {
                throw OperationError(
                    "`\(place).postDigest`: expected `sha256:` and 64 lower-case hex digits")
            }
            posts.append(.digest(hash))
        }
        if try reader.optionalBool("absent") == true { posts.append(.absent) }
        if try reader.optionalBool("observed") == true { posts.append(.observed) }
        within = try reader.optionalInt("within")
        derived = try (reader.optionalObjects("derived") ?? []).map { one in
            var one = one
            let place = Place(
                subject: try one.string("subject"),
                path: try JSONPointer(parsing: try one.optionalString("path") ?? ""))
            try one.finish()
            return place
        }
        try reader.finish()
        guard let first = posts.first, posts.count == 1 else {
            throw OperationError(
                "`\(place)`: give exactly one of `post`, `postDigest`, `absent` and `observed`")
        }
        post = first
        try check(place)
    }

    private func check(_ place: String) throws(OperationError) {
        let texts = [scope, subject] + derived.map(\.subject)
        guard texts.allSatisfy({ (1...8192).contains($0.utf8.count) }) else {
            throw OperationError("`\(place)`: scope and subjects have 1 to 8,192 bytes")
        }
        guard derived.count <= 64 else {
            throw OperationError("`\(place).derived`: at most 64 places")
        }
        guard within.map({ (0...86_400).contains($0) }) ?? true else {
            throw OperationError("`\(place).within`: from 0 to 86,400 seconds")
        }
    }

    private static func json(
        _ scope: String, _ subject: String, _ path: JSONPointer, _ post: Post, _ within: Int64?,
        _ derived: [Place]
    ) -> JSON {
        var object: JSONObject = [
            "path": .string(path.description), "scope": .string(scope),
            "subject": .string(subject),
        ]
        switch post {
        case .value(let value): object["post"] = value
        case .digest(let hash): object["postDigest"] = .string(digestPrefix + hash.hex)
        case .absent: object["absent"] = .bool(true)
        case .observed: object["observed"] = .bool(true)
        }
        if let within { object["within"] = .integer(within) }
        if !derived.isEmpty {
            object["derived"] = .array(
                derived.map {
                    ["path": .string($0.path.description), "subject": .string($0.subject)]
                })
        }
        return .object(object)
    }

    private static let digestPrefix = "sha256:"

    package static func == (a: DeclaredEffect, b: DeclaredEffect) -> Bool { a.json == b.json }
    package func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
