// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import TransparencyLog

/// The state that somebody looked at before he asked: the root of a drift source's baseline.
///
/// If another baseline counts by the time of clearing or claim, the action is invalidated
/// (DESIGN §4.12).
package struct DeclaredTarget: Sendable, Hashable {
    package let source: Handle
    package let root: Hash256

    package init(source: Handle, root: Hash256) {
        self.source = source
        self.root = root
    }

    init(_ reader: JSONReader) throws {
        var reader = reader
        source = try reader.handle("source")
        root = try reader.hash("root")
        try reader.finish()
    }

    var json: JSON { ["root": .string(root.hex), "source": .string(source.text)] }
}
