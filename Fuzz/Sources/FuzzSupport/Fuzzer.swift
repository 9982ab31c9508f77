// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The main loop of libFuzzer, which the compiler's `-sanitize=fuzzer` links in.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// What all fuzzers share.
public enum Fuzzer {
    /// Runs libFuzzer with the arguments of the process.
    ///
    /// SwiftPM renames `main`, so that libFuzzer's own is never called.
    /// - Parameter test: tries one input.
    public static func run(_ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt) {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments, test))
    }

    /// Ends the process with a finding unless a condition holds.
    ///
    /// - Parameters:
    ///   - condition: what must hold.
    ///   - message: what was found, with what it takes to see why.
    public static func check(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition { stop(message()) }
    }

    /// Ends the process with a finding.
    ///
    /// - Parameter message: what was found.
    public static func stop(_ message: String) -> Never {
        FileHandle.standardError.write(Data("finding: \(message)\n".utf8))
        preconditionFailure("finding")
    }

    /// The result of something that must not throw.
    ///
    /// - Parameters:
    ///   - what: names it in the finding.
    ///   - body: what must not throw.
    /// - Returns: the result.
    public static func must<Result>(_ what: String, _ body: () throws -> Result) -> Result {
        do { return try body() } catch { stop("\(what): \(error)") }
    }

    /// The input as text; what is not UTF-8 is replaced.
    ///
    /// - Parameters:
    ///   - start: the first byte.
    ///   - count: how many bytes there are.
    /// - Returns: the text.
    public static func text(_ start: UnsafePointer<UInt8>, _ count: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// The two halves of an input, which the line `//----` divides.
    ///
    /// To Cedar it is a comment; in JSON there is no such line.
    /// - Parameter text: the input.
    /// - Returns: what is before the line and behind it; `nil` where there is no such line.
    public static func halves(_ text: String) -> (String, String)? {
        let bytes = Array(text.utf8)
        let line = Array("//----\n".utf8)
        guard bytes.count >= line.count else { return nil }
        for start in 0...(bytes.count - line.count)
        where bytes[start..<(start + line.count)].elementsEqual(line) {
            return (
                String(decoding: bytes[..<start], as: UTF8.self),
                String(decoding: bytes[(start + line.count)...], as: UTF8.self)
            )
        }
        return nil
    }

    /// Checks that a message of an error is one line.
    ///
    /// - Parameter message: the message.
    public static func checkMessage(_ message: String) {
        check(
            !message.utf8.contains(UInt8(ascii: "\n")) && !message.isEmpty,
            "message of more than one line: \(message)")
    }
}
