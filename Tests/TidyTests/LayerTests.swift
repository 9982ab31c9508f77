// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("Layers")
struct LayerTests {
    @Test("Each target imports only what stands below it", arguments: Layer.all)
    func imports(_ layer: Layer) {
        let allowed = layer.ours.union(layer.others).union(Layer.everywhere)
        let folder = "Sources/\(layer.target)/"
        report(
            Repository.swiftFiles.filter { $0.path.hasPrefix(folder) }.flatMap { source in
                source.imports.filter { !allowed.contains($0.module) }.map {
                    Finding(
                        path: source.path, line: $0.line,
                        message: "`\(layer.target)` may not import `\($0.module)`: see Layers.swift"
                    )
                }
            })
    }

    @Test("Every Swift target has a layer")
    func completeness() {
        let folders = Set(
            Repository.swiftFiles.filter { $0.path.hasPrefix("Sources/") }
                .compactMap { $0.path.split(separator: "/").dropFirst().first.map(String.init) })
        #expect(folders.subtracting(Layer.all.map(\.target)).isEmpty)
    }

    @Test("The manifest declares no arrow that the table does not have", arguments: Layer.all)
    func manifest(_ layer: Layer) throws {
        let manifest = try #require(Repository.files.first { $0.path == "Package.swift" })
        let declared = try #require(
            Self.dependencies(of: layer.target, in: manifest.text),
            "Package.swift has no target `\(layer.target)`")
        let ours = Set(Layer.all.map(\.target)).union(["CConsoleAssets", "CLinux", "CPostgres"])
        #expect(declared.intersection(ours).subtracting(layer.ours).isEmpty)
    }

    @Test("No layer leads back to itself")
    func order() {
        for (index, layer) in Layer.all.enumerated() {
            let above = Set(Layer.all[index...].map(\.target))
            #expect(
                layer.ours.isDisjoint(with: above),
                "`\(layer.target)` imports what stands above it in the table")
        }
    }

    @Test("Imports are read with their modifiers")
    func reading() {
        let source = SwiftSource(
            path: "A.swift",
            text: """
                import Testing
                public import Crypto
                @testable import Cedar
                import struct Foundation.Date
                // import Nothing
                let text = "import Nothing"
                """)
        #expect(source.imports.map(\.module) == ["Testing", "Crypto", "Cedar", "Foundation"])
        let manifest = #"""
            .target(name: "A", dependencies: ["C"]),
            .testTarget(
                name: "B", dependencies: ["A", p("X", "y")], swiftSettings: s)
            """#
        #expect(Self.dependencies(of: "B", in: manifest) == ["A", "X", "y"])
        #expect(Self.dependencies(of: "C", in: manifest) == nil)
    }

    /// The quoted names in the `dependencies:` list of a target; empty where it has none.
    static func dependencies(of target: String, in manifest: String) -> Set<String>? {
        let declarations = manifest.components(separatedBy: "arget(")
        let name = "name: \"\(target)\""
        guard
            let declaration = declarations.first(where: {
                $0.trimmingPrefix(while: \.isWhitespace).hasPrefix(name)
            })
        else { return nil }
        guard let list = declaration.components(separatedBy: "dependencies: [").dropFirst().first,
            let inside = list.components(separatedBy: "]").first
        else { return [] }
        let quoted = inside.components(separatedBy: "\"")
        return Set(quoted.enumerated().filter { $0.offset % 2 == 1 }.map(\.element))
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
