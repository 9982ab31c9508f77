// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// A receipt as read: every member known and of the right form, nothing proven yet.
struct ReceiptDocument {
    struct Entry {
        let recorded: RecordedEntry
        let core: JSON
        let body: JSON?
        let proof: [Hash256]
        /// Where it stands in the file, for messages.
        let place: String
    }

    let action: ActionID
    let digest: Hash256
    let state: ActionStatus
    let treeSize: UInt64
    let entryCount: Int64
    let origin: String
    let vkey: String
    let checkpoint: String
    let statement: String
    let statementText: String
    let entries: [Entry]
    let policies: [Entry]
    let directories: [(entry: Entry, extract: JSON)]

    /// Deeper trees have more entries than there are atoms to write them with.
    private static let proofHashes = 64

    init(_ bytes: [UInt8]) throws {
        let json = try JSON(canonical: bytes, limits: Limits.storedJSON)
        guard case .object(let object) = json else { throw CoreError("not a JSON object") }
        var reader = try JSONReader(json, path: "")
        guard try reader.int("v") == 1 else { throw CoreError("`v`: unknown version") }
        let kind = try reader.string("kind")
        guard kind.utf8.elementsEqual(Receipt.kind.utf8) else {
            throw CoreError("`kind`: not `\(Receipt.kind)`")
        }
        action = try reader.actionID("action")
        digest = try reader.hash("digest")
        state = try reader.choice("state", ActionStatus.self)
        var complete = try reader.object("complete")
        let size = try complete.int("size")
        guard size > 0 else { throw CoreError("`complete.size`: an empty tree has no entries") }
        treeSize = UInt64(size)
        entryCount = try complete.int("entries")
        try complete.finish()
        var log = try reader.object("log")
        origin = try log.string("origin")
        vkey = try log.string("vkey")
        try log.finish()
        checkpoint = try reader.string("checkpoint")
        statement = try reader.string("statement")
        statementText = try Receipt.statementText(object, action: action.text)
        entries = try Self.entries(try reader.array("entries"), "entries")
        policies = try Self.entries(try reader.array("policies"), "policies")
        directories = try reader.array("directories").enumerated().map { position, element in
            let place = "directories[\(position)]"
            var pair = try JSONReader(element, path: place)
            let entry = try Self.entry(try pair.value("entry"), "\(place).entry")
            let extract = try pair.value("extract")
            try pair.finish()
            return (entry, extract)
        }
        try reader.finish()
    }

    private static func entries(_ array: [JSON], _ name: String) throws -> [Entry] {
        try array.enumerated().map { try entry($1, "\(name)[\($0)]") }
    }

    private static func entry(_ json: JSON, _ place: String) throws -> Entry {
        var reader = try JSONReader(json, path: place)
        let index = try reader.int("index")
        guard index >= 0 else { throw CoreError("`\(place).index`: negative") }
        let core = try reader.value("core")
        let coreSalt = try reader.hash("coreSalt")
        let body = try reader.value("body")
        let bodySalt = try Self.salt(&reader, place)
        guard body.isNull == (bodySalt == nil) else {
            throw CoreError("`\(place)`: a body and its salt come together or not at all")
        }
        let entry: LedgerEntry
        do {
            entry = try LedgerEntry(leaf: try reader.value("leaf").canonicalBytes())
        } catch {
            throw CoreError("`\(place).leaf`: \(error)")
        }
        let proof = try reader.strings("proof").map { text in
            guard let hash = Hash256(base64: text) else {
                throw CoreError("`\(place).proof`: not the canonical base64 of 32 bytes")
            }
            return hash
        }
        guard proof.count <= proofHashes else { throw CoreError("`\(place).proof`: too long") }
        try reader.finish()
        let recorded = RecordedEntry(
            index: UInt64(index), entry: entry, coreSalt: coreSalt,
            core: try core.canonicalBytes(), bodySalt: bodySalt,
            body: body.isNull ? nil : try body.canonicalBytes())
        // `nil` here would be read as the JSON value, so absence is spelt out.
        return Entry(
            recorded: recorded, core: core, body: body.isNull ? Optional<JSON>.none : body,
            proof: proof, place: place)
    }

    /// The member must be there even where it is null: one form for each receipt.
    private static func salt(_ reader: inout JSONReader, _ place: String) throws -> Hash256? {
        let value = try reader.value("bodySalt")
        if value.isNull { return nil }
        return try reader.hash("bodySalt")
    }
}
