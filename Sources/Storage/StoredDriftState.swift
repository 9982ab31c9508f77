// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
package import TransparencyLog

/// The durable form of a source's state.
///
/// Its row is an operational one, but the newest entry about the source commits to the machine in
/// it, by digest; `fsck` and a start hold it against that.
package struct StoredDriftState {
    package static let space = "drift-state"
    package static let snapshotSpace = "drift-snapshot"

    package let machine: DriftMachine
    /// The entry that was written along with it.
    package let entry: UInt64

    package init(_ bytes: [UInt8]) throws {
        var reader = try JSONReader(
            // As large as its parts may become together; the ledger commits to it.
            try JSON(canonical: bytes, limits: .files), path: "state")
        entry = UInt64(clamping: try reader.int("entry"))
        machine = try DriftMachine(try reader.value("machine"))
        try reader.finish()
    }

    /// Where the leaves of a root are.
    package static func snapshotKey(_ source: Handle, _ root: Hash256) -> OperationalKey {
        OperationalKey(space: snapshotSpace, key: "\(source)/\(root.hex)")
    }

    /// What is stored, from the canonical form of the machine, which may be long: it is made before
    /// the writer's turn, and put behind the number of the entry in it.
    package static func bytes(entry: UInt64, machine: [UInt8]) -> [UInt8] {
        Array("{\"entry\":\(entry),\"machine\":".utf8) + machine + [UInt8(ascii: "}")]
    }
}

extension Snapshot {
    /// The leaves' lines, as a baseline file has them.
    package var lines: [UInt8] {
        var bytes: [UInt8] = []
        for leaf in leaves {
            bytes += leaf.line
            bytes.append(0x0A)
        }
        return bytes
    }

    /// Reads lines; the root must be what is expected.
    package init(lines: [UInt8], root: Hash256) throws {
        let leaves = try lines.split(separator: 0x0A).map { line -> Leaf in
            let json = try JSON(canonical: Array(line), limits: .files)
            guard let subject = json["subject"]?.stringValue, let document = json["document"]
            else { throw TamperedError("a stored snapshot can't be read") }
            return try Leaf(subject: subject, document: document)
        }
        try self.init(leaves)
        guard self.root == root else { throw TamperedError("a stored snapshot has another root") }
    }
}
