// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore

/// One look at one file or folder, without what is in it.
package enum FileLook {
    /// What a look came to.
    package enum Found: Sendable, Hashable {
        case document(JSON)
        case absent
        /// It was not seen whole, so nothing can be said.
        case unknown
    }

    /// Looks at a subject such as `file:/etc/app.conf` as collectors would, but for fields and
    /// secrets.
    package static func found(_ subject: String) -> Found {
        guard let path = FilePath.path(ofSubject: subject),
            var options = try? FileScanOptions(roots: [path])
        else { return .unknown }
        options.maximumFileBytes = largestBytes
        options.workers = 1
        return found(options, nil)
    }

    /// Of a larger file nothing is said: a command waits for the look.
    private static let largestBytes: Int64 = 64 * 1_048_576

    /// The document of a subject just as the collector of a source would find it now.
    ///
    /// - Parameters:
    ///   - subject: one of the source's.
    ///   - source: of kind `files`.
    ///   - redactor: for what is secret.
    ///   - parse: reads structured files.
    /// - Returns: nil where there is nothing, it can't be read, or the source does not watch it.
    package static func document(
        _ subject: String, of source: DriftSource, redactor: Redactor,
        parse: @escaping FieldParser
    ) -> JSON? {
        guard let path = FilePath.path(ofSubject: subject),
            let options = try? FileScanOptions(settings: .object(source.settings)).only(path)
        else { return nil }
        let found = found(
            options,
            FieldReading(
                parse: parse, redactor: redactor, hasSecrets: !source.secrets.isEmpty))
        guard case .document(let document) = found else { return nil }
        return document
    }

    private static func found(_ options: FileScanOptions, _ fields: FieldReading?) -> Found {
        let stop = StopFlag()
        var first = FirstLeaf(stop: stop)
        var cache: DigestCache?
        do {
            _ = try FileScanner(options, fields: fields).scan(
                nanoseconds: 0, cache: &cache, into: &first, stop: stop)
        } catch {
            // Once the first was seen the scan was stopped, which is an error to it.
            return first.document.map(Found.document) ?? .unknown
        }
        return first.document.map(Found.document) ?? (first.isOver ? .unknown : .absent)
    }

    private struct FirstLeaf: FileScanSink {
        let stop: StopFlag
        var document: JSON?
        private(set) var isOver = false

        init(stop: StopFlag) { self.stop = stop }

        mutating func leaf(_ line: UnsafeRawBufferPointer) throws {
            guard !isOver else { return }
            isOver = true
            document = try JSON(parsing: Array(line))["document"]
            stop.stop()
        }

        mutating func mark(_ mark: FileMark) throws {
            // What can't be read whole is no document to go by.
            if case .noted = mark { return }
            isOver = true
            stop.stop()
        }
    }
}
