// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore

/// One look at one file or folder, without what is in it.
package enum FileLook {
    /// The document of a subject such as `file:/etc/app.conf` as collectors would find it, but for
    /// fields and secrets; nil where there is nothing, or it can't be read.
    package static func document(_ subject: String) -> JSON? {
        guard let path = FilePath.path(ofSubject: subject),
            let options = try? FileScanOptions(roots: [path])
        else { return nil }
        return document(options, nil)
    }

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
        return document(
            options,
            FieldReading(
                parse: parse, redactor: redactor, hasSecrets: !source.secrets.isEmpty))
    }

    private static func document(_ options: FileScanOptions, _ fields: FieldReading?) -> JSON? {
        let stop = StopFlag()
        var first = FirstLeaf(stop: stop)
        var cache: DigestCache?
        // A folder's scan is stopped once the folder itself was seen, which is an error to it.
        _ = try? FileScanner(options, fields: fields).scan(
            nanoseconds: 0, cache: &cache, into: &first, stop: stop)
        return first.document
    }

    private struct FirstLeaf: FileScanSink {
        let stop: StopFlag
        var document: JSON?
        private var isOver = false

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
