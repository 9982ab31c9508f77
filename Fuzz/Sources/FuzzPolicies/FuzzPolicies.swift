// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
internal import FuzzSupport

/// Tries one input as policies, in Cedar syntax or in JSON.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = Fuzzer.text(start, count)
    if text.utf8.first == UInt8(ascii: "{") {
        guard let json = try? JSON(parsing: text), let set = try? PolicySet(json: json) else {
            return 0
        }
        Policies(set).check()
        return 0
    }
    do throws(PolicySyntaxErrors) {
        let set = try PolicySet(parsing: text, allowingTemplates: true)
        Policies.checkFormatter(text, set)
        Policies(set).check()
    } catch {
        for error in error.errors.prefix(100) {
            Fuzzer.checkMessage(error.description)
            Fuzzer.check(error.span.end.offset <= text.utf8.count, "place outside: \(error)")
        }
        // The formatter takes exactly what the parser does.
        Fuzzer.check((try? PolicyFormatter().format(text)) == nil, "formats what is refused")
    }
    return 0
}

/// What must hold of policies that have been read.
struct Policies {
    private let set: PolicySet

    init(_ set: PolicySet) {
        self.set = set
    }

    /// What is formatted reads as the same policies, and does not change any more.
    static func checkFormatter(_ text: String, _ set: PolicySet) {
        for width in [80, 20] {
            var formatter = PolicyFormatter()
            formatter.lineWidth = width
            let once = Fuzzer.must("format") { try formatter.format(text) }
            let again = Fuzzer.must("parse formatted") {
                try PolicySet(parsing: once, allowingTemplates: true)
            }
            Fuzzer.check(words(again) == words(set), "formatted text has other words:\n\(once)")
            let twice = Fuzzer.must("format again") { try formatter.format(once) }
            Fuzzer.check(
                once.utf8.elementsEqual(twice.utf8), "formatted twice:\n\(once)\n\n\(twice)")
        }
    }

    /// The words of all policies without commas at the end of lists, which formatting takes out.
    private static func words(_ set: PolicySet) -> [[UInt8]] {
        (set.policies.map(\.canonicalText) + set.templates.map(\.canonicalText)).map { text in
            let bytes = Array(text.utf8)
            var words: [UInt8] = []
            for (place, byte) in bytes.enumerated() {
                let isLast =
                    byte == UInt8(ascii: ",") && place + 2 < bytes.count
                    && [")", "]", "}"].contains(Character(Unicode.Scalar(bytes[place + 2])))
                    && bytes[place + 1] == UInt8(ascii: " ")
                if !isLast { words.append(byte) }
            }
            return words.filter { $0 != UInt8(ascii: " ") }
        }
    }

    func check() {
        let answer = evaluate(set)
        World.validate(set, World.schema)
        guard let json = try? set.json else { return }
        let again = Fuzzer.must("read JSON of policies: \(json)") { try PolicySet(json: json) }
        let rewritten = Fuzzer.must("write JSON again") { try again.json }
        Fuzzer.check(rewritten == json, "other JSON:\n\(json)\n\n\(rewritten)")
        Fuzzer.check(
            Summary(answer) == Summary(evaluate(again)), "JSON evaluates otherwise: \(json)")
    }

    /// Evaluates, and holds the index and the explanations against that.
    private func evaluate(_ set: PolicySet) -> Evaluation {
        let answer = set.evaluate(World.request, entities: World.entities)
        let plain = set.evaluateWithoutIndex(World.request, entities: World.entities)
        Fuzzer.check(answer == plain, "the index changes the answer:\n\(answer)\n\n\(plain)")
        for explanation in set.explain(World.request, entities: World.entities) {
            let isSatisfied =
                answer.satisfiedPermits.contains(explanation.id)
                || answer.satisfiedForbids.contains(explanation.id)
            let isFailed = answer.errors.contains { $0.id == explanation.id }
            switch explanation.outcome {
            case .satisfied: Fuzzer.check(isSatisfied, "explained as satisfied: \(explanation)")
            case .failed: Fuzzer.check(isFailed, "explained as failed: \(explanation)")
            case .outOfScope, .stopped:
                Fuzzer.check(!isSatisfied && !isFailed, "explained otherwise: \(explanation)")
            }
        }
        for failure in answer.errors { Fuzzer.checkMessage(failure.error.description) }
        return answer
    }
}

/// An answer without the order of policies and without places.
private struct Summary: Equatable {
    let permits: Set<String>
    let forbids: Set<String>
    let errors: [String: EvaluationError.Category]

    init(_ answer: Evaluation) {
        permits = Set(answer.satisfiedPermits)
        forbids = Set(answer.satisfiedForbids)
        errors = Dictionary(
            answer.errors.map { ($0.id, $0.error.category) }, uniquingKeysWith: { $1 })
    }
}

@main enum Main {
    static func main() { Fuzzer.run(fuzz) }
}
