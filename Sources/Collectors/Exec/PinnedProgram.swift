// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
internal import DriftCore
internal import Foundation
internal import TransparencyLog

/// A program whose files were hashed just now, and are those that were approved.
struct PinnedProgram {
    private let executable: OwnedDescriptor
    private let identity: clinux_identity
    /// Copies of scripts, in the order of their numbers in the child.
    private let copies: [OwnedDescriptor]
    private let arguments: [String]
    private let variables: [String]
    private let path: String

    /// Number of the first copy in the child; high enough to be in nobody's way.
    private static let firstCopy: Int32 = 90
    private static let maximumProgramBytes: Int64 = 1_073_741_824
    private static let maximumCopyBytes = 16_777_216

    /// Opens and hashes all of its files.
    ///
    /// - Throws: ``CollectorFailure`` with the cause `collector_changed` for a file that is not the
    ///   approved one.
    init(_ settings: ProgramSettings) throws(CollectorFailure) {
        guard let program = settings.arguments.first, let expected = settings.digests[program]
        else { preconditionFailure("settings have a program and its digest") }
        path = program
        executable = try OwnedDescriptor.open(program, flags: O_RDONLY | O_NONBLOCK)
        identity = try Self.check(executable, program, expected)
        var arguments = settings.arguments
        var copies: [OwnedDescriptor] = []
        for (path, digest) in settings.digests.sorted(by: { $0.key < $1.key })
        where path != program {
            let (bytes, _) = try BoundedFile.read(path, limit: Self.maximumCopyBytes)
            try Self.compare(Hash256.sha256(bytes), digest, path)
            let number = clinux_sealed_copy("exequatur-collector", bytes, bytes.count)
            guard number >= 0 else {
                throw CollectorFailure(
                    .unreachable, "no copy in memory: \(SystemText.of(-number))")
            }
            let place = "/dev/fd/\(Int(Self.firstCopy) + copies.count)"
            copies.append(OwnedDescriptor(number))
            for index in arguments.indices.dropFirst() where arguments[index] == path {
                arguments[index] = place
            }
        }
        self.copies = copies
        self.arguments = arguments
        variables = settings.variables
    }

    private static func compare(
        _ found: Hash256, _ expected: Hash256, _ path: String
    ) throws(CollectorFailure) {
        guard found == expected else {
            throw CollectorFailure(
                .collectorChanged,
                "`\(ShownText.line(path))` has SHA-256 \(found.hex), not the approved "
                    + "\(expected.hex): look at it, and approve it or put it back")
        }
    }

    /// Hashes an open file, which nobody may change meanwhile.
    private static func check(
        _ file: OwnedDescriptor, _ path: String, _ expected: Hash256
    ) throws(CollectorFailure) -> clinux_identity {
        let before = try file.identity()
        guard before.mode & UInt32(S_IFMT) == UInt32(S_IFREG), before.size <= maximumProgramBytes
        else {
            throw CollectorFailure(
                .unreadable, "`\(ShownText.line(path))` is no regular file, or too large")
        }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: 262_144)
        var offset: Int64 = 0
        while true {
            let count = pread(file.number, &chunk, chunk.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CollectorFailure(
                    .unreadable, "`\(ShownText.line(path))`: \(SystemText.of(errno))")
            }
            if count == 0 { break }
            if offset == 0, chunk.starts(with: "#!".utf8) {
                throw CollectorFailure(
                    .malformed,
                    "`\(ShownText.line(path))` is a script: begin `argv` with its interpreter and "
                        + "pin both")
            }
            hasher.update(data: chunk[..<count])
            offset += Int64(count)
            guard offset <= maximumProgramBytes else {
                throw CollectorFailure(.changing, "`\(ShownText.line(path))` grows")
            }
        }
        guard let digest = Hash256(bytes: Array(hasher.finalize())) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        try compare(digest, expected, path)
        guard before.isSame(as: try file.identity()) else {
            throw CollectorFailure(
                .changing, "`\(ShownText.line(path))` changed while it was hashed")
        }
        return before
    }

    /// Starts it in `/`, in a session of its own.
    ///
    /// - Parameters:
    ///   - input: its standard input.
    ///   - output: its standard output.
    ///   - error: its standard error.
    /// - Returns: its number.
    /// - Throws: ``CollectorFailure``; nothing of it has run then.
    func start(
        input: OwnedDescriptor, output: OwnedDescriptor, error: OwnedDescriptor
    ) throws(CollectorFailure) -> pid_t {
        let directory = try OwnedDescriptor.open("/", flags: O_RDONLY | O_DIRECTORY)
        let kept = copies.map(\.number)
        var stage: Int32 = 0
        let child = Self.withCStrings(arguments) { arguments in
            Self.withCStrings(variables) { environment in
                kept.withUnsafeBufferPointer { kept in
                    var program = clinux_program(
                        executable: executable.number, expected: identity,
                        directory: directory.number, input: input.number, output: output.number,
                        error: error.number, account: nil, is_detached: 1, kept: kept.baseAddress,
                        kept_count: Int32(kept.count), kept_from: Self.firstCopy,
                        arguments: arguments, environment: environment)
                    return clinux_start(&program, &stage)
                }
            }
        }
        guard child < 0 else { return child }
        let isOther = UInt32(stage) == CLINUX_STAGE_IDENTITY.rawValue
        throw CollectorFailure(
            isOther ? .collectorChanged : .unreachable,
            isOther
                ? "`\(ShownText.line(path))` was changed after it was hashed"
                : "`\(ShownText.line(path))` does not start: \(SystemText.of(-child))")
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var list = strings.map { strdup($0) } + [nil]
        defer { for pointer in list { free(pointer) } }
        return list.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
            return body(UnsafePointer(base))
        }
    }
}
