// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import ExequaturClient
internal import Foundation
internal import TransparencyLog

/// What somebody who waits sees of an action.
package struct PendingAction: Sendable, Hashable {
    package let id: String
    /// The action digest, in hexadecimal.
    package let digest: String
    package let version: Int64
    package let reasons: [String]
    package let decisions: [String]
    package let eligible: [String]
    package let deadline: String?
    package let url: String?
    /// How long it is still waited for, in seconds.
    package let remaining: Int64

    init(
        id: String, digest: String, version: Int64, reasons: [String], decisions: [String],
        eligible: [String], deadline: String?, url: String?, remaining: Int64
    ) {
        self.id = id
        self.digest = digest
        self.version = version
        self.reasons = reasons
        self.decisions = decisions
        self.eligible = eligible
        self.deadline = deadline
        self.url = url
        self.remaining = remaining
    }

    /// What the service says of an action, and how long it is waited for.
    package init(_ action: SubmittedAction, remaining: Duration) {
        id = action.id
        digest = action.digest.hex
        version = action.version
        reasons = action.reasons
        decisions = action.decisions
        eligible = action.eligible
        deadline = action.deadline
        url = action.url
        self.remaining = max(0, remaining.components.seconds)
    }

    fileprivate var members: JSONObject {
        func list(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
        var object: JSONObject = [
            "action": .string(id), "decisions": list(decisions), "digest": .string(digest),
            "eligible": list(eligible), "reasons": list(reasons), "remaining": .int(remaining),
            "version": .int(version),
        ]
        if let deadline { object["deadline"] = .string(deadline) }
        if let url { object["url"] = .string(url) }
        return object
    }

    fileprivate init(_ reader: inout JSONReader) throws {
        id = try reader.string("action")
        digest = try reader.string("digest")
        version = try reader.int("version")
        reasons = try reader.strings("reasons")
        decisions = try reader.strings("decisions")
        eligible = try reader.strings("eligible")
        deadline = try reader.optionalString("deadline")
        url = try reader.optionalString("url")
        remaining = try reader.int("remaining")
    }
}

/// One line of what a runner answers with: a JSON object and a line feed.
package enum RunnerFrame: Sendable, Hashable {
    /// A person has to decide.
    case waiting(PendingAction)
    /// The service is silent; the runner tries again.
    case reconnecting(String)
    /// The claim of this action was verified: the command may run from now on.
    case cleared(String)
    /// What the command wrote.
    case output(CommandStream, [UInt8])
    /// Nothing happened for a while.
    case beat
    /// The last one.
    case end(RunnerEnd)

    /// The most bytes of one line, its line feed not counted.
    package static let maximumBytes = 1_048_576

    /// The line with its line feed.
    package var line: [UInt8] {
        // Nothing in it is a number without a canonical form.
        let bytes = (try? json.canonicalBytes()) ?? Array(#"{"type":"beat"}"#.utf8)
        return bytes + [UInt8(ascii: "\n")]
    }

    private var json: JSON {
        switch self {
        case .waiting(let action):
            var object = action.members
            object["type"] = "waiting"
            return .object(object)
        case .reconnecting(let why): return ["text": .string(why), "type": "reconnecting"]
        case .cleared(let action): return ["action": .string(action), "type": "cleared"]
        case .output(let stream, let bytes):
            return [
                "data": .string(Data(bytes).base64EncodedString()),
                "stream": .string(stream.rawValue), "type": "output",
            ]
        case .beat: return ["type": "beat"]
        case .end(let end): return end.json
        }
    }

    /// Reads a line without its line feed.
    /// - Throws: ``RunnerRefusal`` for what is none; nil for a kind that this version does not know.
    package static func read(_ line: [UInt8]) throws(RunnerRefusal) -> RunnerFrame? {
        do {
            var limits = JSONLimits.default
            limits.maximumBytes = maximumBytes
            var reader = try JSONReader(try JSON(parsing: line, limits: limits))
            switch try reader.string("type") {
            case "waiting": return .waiting(try PendingAction(&reader))
            case "reconnecting": return .reconnecting(try reader.string("text"))
            case "cleared": return .cleared(try reader.string("action"))
            case "beat": return .beat
            case "end": return .end(try RunnerEnd(&reader))
            case "output":
                guard let stream = CommandStream(rawValue: try reader.string("stream")),
                    let data = Data(base64Encoded: try reader.string("data"))
                else { throw reader.error("data", "expected a stream and base64") }
                return .output(stream, Array(data))
            default: return nil
            }
        } catch {
            throw RunnerRefusal(.malformed, "the runner's answer: \(error)")
        }
    }
}

/// How a command that was given to a runner ended, or why it did not begin.
package struct RunnerEnd: Sendable, Hashable {
    /// What the agent's process ends with.
    package var exitCode: Int32
    /// Why nothing ran; nil when the command ran.
    package var failure: String?
    /// True when somebody may have tampered.
    package var isAlarm: Bool
    /// What else the agent should know.
    package var notes: [String]

    /// Describes an end.
    package init(exitCode: Int32, failure: String?, isAlarm: Bool = false, notes: [String] = []) {
        self.exitCode = exitCode
        self.failure = failure
        self.isAlarm = isAlarm
        self.notes = notes
    }

    /// The end of a run.
    init(_ run: CommandRun) {
        self.init(
            exitCode: run.exitCode, failure: run.failure?.description,
            isAlarm: run.failure?.isAlarm ?? false, notes: run.notes)
    }

    fileprivate var json: JSON {
        var object: JSONObject = [
            "alarm": .bool(isAlarm), "exitCode": .int(Int64(exitCode)),
            "notes": .array(notes.map { .string($0) }), "type": "end",
        ]
        if let failure { object["failure"] = .string(failure) }
        return .object(object)
    }

    fileprivate init(_ reader: inout JSONReader) throws {
        let code = try reader.int("exitCode")
        guard (0...255).contains(code) else { throw reader.error("exitCode", "0 to 255") }
        exitCode = Int32(code)
        failure = try reader.optionalString("failure")
        isAlarm = try reader.bool("alarm")
        notes = try reader.strings("notes")
    }
}

/// Cuts a stream of bytes into lines, with a limit on each.
struct LineCutter {
    private var rest: [UInt8] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// The lines that are complete with these bytes, without their line feeds.
    /// - Throws: ``RunnerRefusal`` when a line is longer than the limit.
    mutating func take(_ bytes: some Sequence<UInt8>) throws(RunnerRefusal) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(rest)
                rest = []
            } else {
                guard rest.count < limit else {
                    throw RunnerRefusal(.malformed, "a line has more than \(limit) bytes")
                }
                rest.append(byte)
            }
        }
        return lines
    }
}
