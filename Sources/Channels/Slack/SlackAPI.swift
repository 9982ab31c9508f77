// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// What Slack answers to a call of its Web API.
enum SlackAnswer: Sendable {
    case ok(JSON)
    /// Slack's code, such as `channel_not_found`.
    case failed(String)
    case limited(seconds: Double)
    case unavailable(String)
}

/// Slack's Web API: JSON over POST with a bearer token.
struct SlackAPI: Sendable {
    private let base: String
    private let caller: HTTPCaller

    init(base: String, caller: HTTPCaller) {
        self.base = base
        self.caller = caller
    }

    /// Seconds for an answer when nobody waits for ours, and when somebody does: Slack gives us
    /// three for all of it.
    static let seconds: Int64 = 15
    static let interactiveSeconds: Int64 = 1

    func call(
        _ method: String, _ body: JSON, token: Secret, seconds: Int64 = seconds
    ) async -> SlackAnswer {
        await call(
            method, token, "application/json; charset=utf-8", Array(body.description.utf8), seconds)
    }

    /// For the methods that read only forms.
    func call(
        _ method: String, form: [(String, String)], token: Secret, seconds: Int64 = seconds
    ) async -> SlackAnswer {
        let text = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return await call(
            method, token, "application/x-www-form-urlencoded", Array(text.utf8), seconds)
    }

    private func call(
        _ method: String, _ token: Secret, _ type: String, _ body: [UInt8], _ seconds: Int64
    ) async -> SlackAnswer {
        let answer: ChannelResponse
        do throws(ChannelSilence) {
            answer = try await caller.call(
                ChannelRequest(
                    url: base + method,
                    headers: [("authorization", "Bearer \(token.text)"), ("content-type", type)],
                    body: body, timeoutSeconds: seconds))
        } catch {
            return .unavailable("\(method): \(error)")
        }
        if answer.status == 429 { return .limited(seconds: answer.retryAfter ?? 30) }
        guard answer.status == 200, let json = try? JSON(parsing: answer.body),
            let isFine = json["ok"]?.boolValue
        else { return .unavailable("\(method): status \(answer.status), and no answer of Slack's") }
        guard isFine else {
            guard let code = json["error"]?.stringValue else {
                return .unavailable("\(method): failed without saying why")
            }
            if code == "ratelimited" || code == "rate_limited" {
                return .limited(seconds: answer.retryAfter ?? 30)
            }
            return Self.isPassing(code)
                ? .unavailable("\(method): \(code)") : .failed(code)
        }
        return .ok(json)
    }

    /// Codes of trouble on Slack's side.
    private static func isPassing(_ code: String) -> Bool {
        [
            "internal_error", "fatal_error", "service_unavailable", "request_timeout",
            "team_added_to_org", "accesslimited",
        ].contains { $0.utf8.elementsEqual(code.utf8) }
    }
}
