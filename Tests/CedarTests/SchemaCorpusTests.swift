// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import TestSupport
import Testing

/// The schemas of the public conformance tests, in both syntaxes.
@Suite struct SchemaCorpusTests {
    @Test(.corpus("cedar/corpus.tar.xz")) func bothSyntaxesMeanTheSame() throws {
        let corpus = try CorpusFolder("cedar/corpus.tar.xz")
        var failures: [String] = []
        var twins = 0
        for name in try corpus.sampledTests() {
            let schema: Schema
            do {
                let text = try corpus.text("corpus-tests/\(name).cedarschema")
                let fragment = try SchemaFragment(parsing: text)
                schema = try Schema([fragment])
                let again = try Schema(parsing: fragment.text)
                if try again != schema || Schema(json: fragment.json) != schema {
                    failures.append("\(name): written and read back it differs")
                }
            } catch {
                failures.append("\(name): \(error)")
                continue
            }
            guard let json = try corpus.optionalJSON("json-schemas/\(name).cedarschema.json") else {
                continue
            }
            twins += 1
            do {
                if try Schema(json: json) != schema { failures.append("\(name): differs") }
            } catch {
                failures.append("\(name): \(error)")
            }
        }
        corpus.report("schemas", "\(twins) twins, \(failures.count) failed")
        #expect(failures.prefix(10) == [])
        #expect(twins > 0)
    }
}
