// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Synchronization

/// The token with which the bot speaks: asked for once by all who need it, and again five minutes
/// before it ends.
final class TeamsToken: Sendable {
    private struct State {
        var token: Secret?
        var until = Timestamp(milliseconds: 0)
        var isAsking = false
        var waiting: [CheckedContinuation<Result<Secret, ChannelSilence>, Never>] = []
    }

    private let settings: TeamsSettings
    private let caller: HTTPCaller
    private let state = Mutex(State())

    private static let scope = "https://api.botframework.com/.default"

    init(_ settings: TeamsSettings, caller: HTTPCaller) {
        self.settings = settings
        self.caller = caller
    }

    /// A token that is good for a while, and for so many seconds more.
    func get(now: Timestamp, ahead: Int64 = 0) async -> Result<Secret, ChannelSilence> {
        enum Turn {
            case ask
            case wait
            case known(Secret)
        }
        let turn: Turn = state.withLock { state in
            if let token = state.token, now.adding(seconds: ahead) < state.until {
                return .known(token)
            }
            if state.isAsking { return .wait }
            state.isAsking = true
            return .ask
        }
        switch turn {
        case .known(let token): return .success(token)
        case .ask: return await ask(now)
        case .wait: return await wait(now)
        }
    }

    /// Forgets a token that was refused.
    func forget(_ token: Secret) {
        state.withLock { state in
            if state.token == token { state.token = nil }
        }
    }

    private func wait(_ now: Timestamp) async -> Result<Secret, ChannelSilence> {
        await withCheckedContinuation { continuation in
            let known: Result<Secret, ChannelSilence>? = state.withLock { state in
                guard state.isAsking else {
                    // Whoever asked has just come back.
                    return state.token.map { .success($0) }
                        ?? .failure(ChannelSilence("the login service gave no token"))
                }
                state.waiting.append(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    private func ask(_ now: Timestamp) async -> Result<Secret, ChannelSilence> {
        let result: Result<(Secret, Int64), ChannelSilence>
        do throws(ChannelSilence) {
            result = .success(try await fetch())
        } catch {
            result = .failure(error)
        }
        let waiting = state.withLock { state in
            state.isAsking = false
            if case .success(let (token, seconds)) = result {
                state.token = token
                state.until = now.adding(seconds: seconds - TeamsLimits.tokenMarginSeconds)
            }
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
        let told = result.map(\.0)
        for continuation in waiting { continuation.resume(returning: told) }
        return told
    }

    private func fetch() async throws(ChannelSilence) -> (Secret, Int64) {
        let form = [
            ("grant_type", "client_credentials"), ("client_id", settings.appID),
            ("client_secret", settings.clientSecret.text), ("scope", Self.scope),
        ]
        let body = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        let tenant = PercentEncoding.segment(settings.tenant)
        let answer = try await caller.call(
            ChannelRequest(
                url: "\(settings.login)\(tenant)/oauth2/v2.0/token",
                headers: [("content-type", "application/x-www-form-urlencoded")],
                body: Array(body.utf8), timeoutSeconds: TeamsLimits.tokenSeconds))
        let json = try? JSON(parsing: answer.body)
        guard answer.status == 200, let text = json?["access_token"]?.stringValue,
            !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let seconds = json?["expires_in"]?.intValue
        else { throw Self.refusal(answer.status, json) }
        return (Secret(text), min(max(0, seconds), 86_400))
    }

    /// What the login service says, by its codes alone.
    private static func refusal(_ status: Int, _ json: JSON?) -> ChannelSilence {
        let code = VisibleText.escape(String((json?["error"]?.stringValue ?? "").prefix(40)))
        let said = json?["error_description"]?.stringValue ?? ""
        let number = said.prefix { $0 != ":" && $0 != " " }
        let isNumber = number.hasPrefix("AADSTS") && number.utf8.count < 20
        let detail = [code, isNumber ? VisibleText.escape(String(number)) : ""]
            .filter { !$0.isEmpty }.joined(separator: ", ")
        let advice =
            (400..<500).contains(status)
            ? ": check `tenant`, `appID` and the client secret, which may have expired" : ""
        return ChannelSilence(
            "the login service answers \(status)\(detail.isEmpty ? "" : " (\(detail))")\(advice)")
    }
}
