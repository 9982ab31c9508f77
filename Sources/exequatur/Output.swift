// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Foundation

/// Standard output and standard error of the command line.
enum Output {
    /// Writes lines that are already safe for a terminal.
    static func lines(_ lines: [String]) throws {
        guard !lines.isEmpty else { return }
        try bytes(Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// Writes exactly one JSON value and a line feed.
    static func json(_ value: JSON) throws {
        try lines([TerminalText.escapedJSON(try value.canonicalString())])
    }

    /// Writes bytes as they are.
    static func bytes(_ bytes: [UInt8]) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(bytes))
        } catch {
            throw CLIError("cannot write to standard output: \(error.localizedDescription)")
        }
    }

    /// A remark for the person at the terminal; never part of a command's result.
    static func note(_ text: String) {
        standardError("note: \(TerminalText.escaped(text))")
    }

    static func standardError(_ line: String) {
        // Nothing sensible is left to do when even standard error is closed.
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

/// Files named on the command line, read and written with limits.
enum LocalFile {
    /// A path from the root; one that is not is taken from the working directory.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// Makes a folder that nobody else can have made, mode 0700.
    static func freshFolder(
        _ name: String, in place: String = NSTemporaryDirectory()
    ) throws -> String {
        do throws(SystemFailure) {
            return try SystemPath.makeFolder("\(place)/\(name).")
        } catch {
            throw CLIError("no folder can be made in `\(place)`: \(error)")
        }
    }

    /// Reads a whole file of at most `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CLIError("cannot open `\(path)`: check that it exists and is readable")
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw CLIError("cannot read `\(path)`: \(error.localizedDescription)")
        }
        guard data.count <= limit else {
            throw CLIError("`\(path)` is too large: at most \(limit) bytes are read")
        }
        return [UInt8](data)
    }

    /// Reads standard input to its end.
    static func standardInput(limit: Int) throws -> [UInt8] {
        let data = FileHandle.standardInput.readData(ofLength: limit + 1)
        guard data.count <= limit else {
            throw CLIError("standard input is too long: at most \(limit) bytes are read")
        }
        return [UInt8](data)
    }

    /// Reads a UTF-8 file.
    static func readText(_ path: String, limit: Int) throws -> String {
        guard let text = String(validating: try read(path, limit: limit), as: UTF8.self) else {
            throw CLIError("`\(path)` is not UTF-8 text: convert it first")
        }
        return text
    }

    /// Writes a file in one step, so that nobody sees half of it.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CLIError("cannot write `\(path)`: \(error.localizedDescription)")
        }
    }

    /// Writes a secret in one step, for its owner only, whatever the umask is.
    static func writePrivate(_ bytes: [UInt8], to path: String) throws {
        var template = Array("\(path).XXXXXX".utf8CString)
        // Made for us alone, with mode 0600.
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw unwritable(path) }
        let temporary = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(bytes))
            try handle.close()
        } catch {
            unlink(temporary)
            throw CLIError("cannot write `\(path)`: \(error.localizedDescription)")
        }
        guard rename(temporary, path) == 0 else {
            let error = unwritable(path)
            unlink(temporary)
            throw error
        }
    }

    /// Adds to the end of a file that exists.
    static func append(_ text: String, to path: String) throws {
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw CLIError("cannot open `\(path)`: check that it exists and is writable")
        }
        do {
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        } catch {
            throw CLIError("cannot write `\(path)`: \(error.localizedDescription)")
        }
    }

    private static func unwritable(_ path: String) -> CLIError {
        CLIError("cannot write `\(path)`: \(String(cString: strerror(errno)))")
    }
}
