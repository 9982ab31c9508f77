// SPDX-License-Identifier: Apache-2.0

package import DriftCore

/// Makes the collector of a source.
package struct CollectorFactory: Sendable {
    /// Makes a collector of one kind from its source.
    package typealias Maker = @Sendable (DriftSource) throws -> any SourceCollector

    /// Files and folders of this machine.
    private let files: Maker
    /// A PostgreSQL server; nil where this build can't reach any.
    private let postgresql: Maker?
    /// This server itself; nil for gates and stand-alone scans.
    private let exequatur: Maker?

    package init(files: @escaping Maker, postgresql: Maker?, exequatur: Maker?) {
        self.files = files
        self.postgresql = postgresql
        self.exequatur = exequatur
    }

    /// Makes the collector of a source, and refuses settings that it does not understand.
    ///
    /// Nothing is read yet: what is not there shows when it is observed.
    /// - Throws: `DriftError` for a kind that does not exist here, `JSONShapeError` and
    ///   `JSONPathError` for settings that are wrong.
    package func make(_ source: DriftSource) throws -> any SourceCollector {
        switch source.kind {
        case .files: return try files(source)
        case .postgresql:
            guard let postgresql else { throw Self.absent(source) }
            return try postgresql(source)
        case .terraform: return try TerraformCollector(settings: source.settings)
        case .http: return try HTTPCollector(settings: source.settings)
        case .exec: return try ExecCollector(settings: source.settings)
        case .mcp: return try MCPCollector(settings: source.settings)
        case .exequatur:
            guard let exequatur else { throw Self.absent(source) }
            return try exequatur(source)
        }
    }

    private static func absent(_ source: DriftSource) -> DriftError {
        DriftError(
            "source `\(source.id)`: nothing here reads the kind `\(source.kind.rawValue)`; let "
                + "another observer do it")
    }
}
