// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
internal import DriftCore
internal import Foundation
internal import TransparencyLog

extension FileReader {
    /// Reads a regular file: from the cache where that holds, otherwise all of its bytes.
    ///
    /// What it is by its name must be what is open, before and after reading. Before Linux 6.13 a
    /// change within the tick of the clock (a few milliseconds) in which another was dated does
    /// not show in that: the digest may then be of neither state, which is a deviation all the
    /// same, and is not remembered, because the file is too young.
    mutating func readFile(
        _ folder: OpenFolder, _ name: UnsafeRawBufferPointer, _ pointer: UnsafePointer<CChar>,
        _ expected: clinux_entry
    ) -> Outcome {
        let options = reading.options
        let usesPaths = !options.fields.isEmpty || !options.always.isEmpty
        let path = usesPaths ? folder.path(of: Array(name)) : []
        let format = options.fields.isEmpty ? nil : options.fields.format(path)
        guard needsContent(format) else { return readMetadata(folder, pointer) }
        guard expected.size <= options.maximumFileBytes else {
            return .gap(
                .tooLarge, "\(expected.size) bytes, and \(options.maximumFileBytes) are read")
        }
        var document = FileDocument(type: "file", entry: expected)
        let isCached =
            format == nil && reading.cache != nil
            && (options.always.isEmpty || !options.always.matches(path))
        if isCached, let cache = reading.cache,
            let place = cache.place(of: expected, rereadWithin: options.rereadWithin)
        {
            let record = cache.records[place]
            if record.isBare == 1 || ignoresAttributes {
                results.kept.append(UInt32(place))
                document.digest = .plain(record.digest)
                document.write(options.attributes, to: &results.lines)
                return .done
            }
        }
        let descriptor = clinux_open_file(folder.descriptor, pointer)
        switch descriptor {
        case 0...: break
        case -ENOENT, -ELOOP, -ENXIO, -ENODEV: return .again
        default: return .gap(.unreadable, OpenFolder.failure(descriptor))
        }
        defer { clinux_close(descriptor) }
        return readOpen(descriptor, &document, format, isCached: isCached) {
            folder.subject(of: Array(name))
        }
    }

    private mutating func readMetadata(
        _ folder: OpenFolder, _ pointer: UnsafePointer<CChar>
    ) -> Outcome {
        var document = FileDocument(type: "file")
        let place = clinux_open_place(folder.descriptor, pointer)
        if place < 0 { return .again }
        defer { clinux_close(place) }
        let code = clinux_look_open(place, &document.entry)
        if code < 0 { return .gap(.unreadable, OpenFolder.failure(code)) }
        guard document.entry.mode & UInt32(S_IFMT) == UInt32(S_IFREG) else { return .again }
        let outcome = readAttributes(place, isPlace: true, &document)
        if case .done = outcome {
            document.write(reading.options.attributes, to: &results.lines)
        }
        return outcome
    }

    private mutating func readOpen(
        _ descriptor: Int32, _ document: inout FileDocument, _ format: String?, isCached: Bool,
        subject: () -> String
    ) -> Outcome {
        let expected = document.entry
        var found = clinux_entry()
        // Before the first byte: reading a device that was put in its place could do something.
        guard clinux_look_open(descriptor, &found) == 0, found.isSame(as: expected) else {
            return .again
        }
        var content: [UInt8]? = format == nil ? nil : []
        let digest: Hash256
        switch hash(descriptor, size: expected.size, content: &content) {
        case .success(let value): digest = value
        case .failure(let failure): return failure.outcome
        }
        let outcome = readAttributes(descriptor, isPlace: false, &document)
        guard case .done = outcome else { return outcome }
        guard clinux_look_open(descriptor, &found) == 0, found.isSame(as: expected) else {
            return .again
        }
        results.filesRead += 1
        results.bytesRead += expected.size
        document.digest = .plain(digest)
        if let format, let bytes = content {
            parse(bytes, format, &document, isWhole: bytes.count == expected.size, subject)
        }
        document.write(reading.options.attributes, to: &results.lines)
        if isCached, isSettled(expected), clinux_dates_mappings(descriptor) == 1 {
            results.fresh.append(
                DigestCache.Record(expected, isBare: document.isBare, digest: digest))
        }
        return .done
    }

    /// Whether nothing had happened to a file for a while when this scan began.
    private func isSettled(_ entry: clinux_entry) -> Bool {
        let (latest, overflow) = reading.began.subtractingReportingOverflow(
            DigestCache.settleNanoseconds)
        return !overflow && entry.changed < latest && entry.changed >= 0
    }

    private struct Failure: Error {
        let outcome: Outcome
    }

    /// Hashes what is open to its end, or to a byte more than it should have.
    private mutating func hash(
        _ descriptor: Int32, size: Int64, content: inout [UInt8]?
    ) -> Result<Hash256, Failure> {
        var hasher = SHA256()
        var total: Int64 = 0
        while true {
            // A file of known size needs no second read to see its end: it is looked at again.
            let wanted = min(Int64(buffer.count), size - total + 1)
            let got = clinux_read(descriptor, buffer.baseAddress, Int(wanted))
            if got < 0 {
                let text = OpenFolder.failure(Int32(got))
                return .failure(Failure(outcome: .gap(.unreadable, "reading it failed: \(text)")))
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<got])
            hasher.update(bufferPointer: bytes)
            total += Int64(got)
            if content != nil, total <= Int64(DriftLimits.documentBytes) { content? += bytes }
            if Int64(got) < wanted { break }
            if total > size { return .failure(Failure(outcome: .again)) }
            if reading.stop.isStopped {
                return .failure(Failure(outcome: .gap(.unreadable, "the scan was stopped")))
            }
        }
        guard total == size else { return .failure(Failure(outcome: .again)) }
        return .success(hasher.finalize().withUnsafeBytes { Hash256(raw: $0) })
    }

    /// Puts the fields of a structured file into its document.
    ///
    /// Where it holds a secret, neither its digest nor its size may tell: a digest of the file
    /// would let anybody who has the rest of it try what the secret might be.
    private mutating func parse(
        _ bytes: [UInt8], _ format: String, _ document: inout FileDocument, isWhole: Bool,
        _ subject: () -> String
    ) {
        guard let fields = reading.fields, case .plain(let digest) = document.digest else { return }
        var gap: CoverageGap?
        do {
            guard isWhole else {
                throw DriftError("more than \(DriftLimits.documentBytes) bytes")
            }
            let tree = try fields.parse(bytes, format)
            let redacted = try fields.redactor.redact(tree)
            let canonical = try redacted.canonicalBytes()
            guard canonical.count <= DriftLimits.documentBytes - 65_536 else {
                throw DriftError("its fields have \(canonical.count) bytes")
            }
            document.content = canonical
            if redacted != tree { document.digest = .keyed(fields.redactor.digest(digest.bytes)) }
        } catch {
            gap = CoverageGap(
                subject: subject(), cause: isWhole ? .malformed : .tooLarge,
                detail: "not read as \(format): \(error)")
            if fields.hasSecrets {
                document.digest = .keyed(fields.redactor.digest(digest.bytes))
            }
        }
        if let gap { note(.noted(gap)) }
    }
}

extension clinux_entry {
    /// Whether nothing that is dated, counted or owned became another.
    func isSame(as other: clinux_entry) -> Bool {
        inode == other.inode && device == other.device && size == other.size
            && modified == other.modified && changed == other.changed && mode == other.mode
            && owner == other.owner && group == other.group && links == other.links
    }
}
