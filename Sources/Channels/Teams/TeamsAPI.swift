// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// What the Bot Framework's connector answers.
enum TeamsAnswer: Sendable {
    case ok(JSON)
    /// The status, and the connector's code, such as `ConversationNotFound`.
    case failed(Int, String)
    /// This message later.
    case later(String)
    case limited(seconds: Double)
    case unavailable(String)
}

/// The Bot Framework's connector: JSON with the bot's token, to the service of a conversation.
///
/// Whoever calls vouches for the service: the token goes there.
struct TeamsAPI: Sendable {
    private let caller: HTTPCaller
    let token: TeamsToken

    init(_ settings: TeamsSettings, caller: HTTPCaller) {
        self.caller = caller
        token = TeamsToken(settings, caller: caller)
    }

    /// The address of a conversation at its service.
    static func address(_ service: String, conversation: String) -> String {
        "\(conversations(service))/\(PercentEncoding.segment(conversation))"
    }

    static func conversations(_ service: String) -> String {
        "\(service)\(service.hasSuffix("/") ? "" : "/")v3/conversations"
    }

    /// Makes one request; a token that is refused is replaced once.
    func call(
        _ method: String, _ url: String, _ body: JSON? = nil, now: Timestamp,
        seconds: Int64 = TeamsLimits.requestSeconds
    ) async -> TeamsAnswer {
        var isSecond = false
        while true {
            let token: Secret
            switch await self.token.get(now: now) {
            case .success(let found): token = found
            case .failure(let silence): return .unavailable(silence.description)
            }
            let answer: ChannelResponse
            do throws(ChannelSilence) {
                answer = try await caller.call(
                    ChannelRequest(
                        url: url, method: method,
                        headers: [
                            ("authorization", "Bearer \(token.text)"),
                            ("content-type", "application/json; charset=utf-8"),
                        ],
                        body: body.map { Array($0.description.utf8) } ?? [],
                        timeoutSeconds: seconds))
            } catch {
                return .unavailable(error.description)
            }
            guard answer.status == 401, !isSecond else { return Self.answer(answer) }
            self.token.forget(token)
            isSecond = true
        }
    }

    private static func answer(_ answer: ChannelResponse) -> TeamsAnswer {
        let json = try? JSON(parsing: answer.body)
        let said = json?["error"]?["code"]?.stringValue ?? json?["code"]?.stringValue ?? ""
        let code = VisibleText.escape(String(said.prefix(80)))
        let shown = "Teams answers \(answer.status)\(code.isEmpty ? "" : " (\(code))")"
        switch answer.status {
        case 200..<300: return .ok(json ?? .null)
        case 429: return .limited(seconds: answer.retryAfter ?? TeamsLimits.pauseSeconds)
        // What the documentation says to try again, one message at a time.
        case 412, 502, 504: return .later(shown)
        case 401: return .unavailable("\(shown): the bot's token is not good for it: check `appID`")
        case 400..<500: return .failed(answer.status, code)
        default: return .unavailable(shown)
        }
    }
}
