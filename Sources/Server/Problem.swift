// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import DriftCore
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Storage

/// What a client is told when something is not done: RFC 9457 problem details with a stable code.
struct Problem: Error, Sendable {
    let status: HTTPResponse.Status
    let code: String
    let detail: String
    var retryAfterSeconds: Int64?
    /// The methods that the path takes, for status 405 (RFC 9110 §15.5.6).
    var allow: [String]?
    var extra: JSONObject = [:]
    var mediaType = "application/problem+json"

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    var json: JSON {
        var object = extra
        object["type"] = .string("urn:exequatur:problem:\(code)")
        object["title"] = .string(status.reasonPhrase)
        object["status"] = .integer(Int64(status.code))
        object["code"] = .string(code)
        object["detail"] = .string(detail)
        return .object(object)
    }

    var response: Response {
        var headers: HTTPFields = [.contentType: mediaType]
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        if let allow { headers[.allow] = allow.joined(separator: ", ") }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer realm=\"exequatur\"" }
        return Response(
            status: status, headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: WireBytes.of(json))))
    }
}

/// JSON on the wire: always the canonical form, so that equal answers have equal bytes.
enum WireBytes {
    static func of(_ json: JSON) -> [UInt8] {
        // Numbers were refused at the door if they can't be written exactly; whatever remains
        // is ours. Rounding here would only be display.
        (try? json.canonicalBytes(numbers: .ecmaScript)) ?? Array("null".utf8)
    }
}

extension Problem {
    /// The one place where an error becomes a status code.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal: self.init(refusal)
        case let error as CommandError: self.init(error)
        case let error as AuthenticationError: self.init(error)
        case let error as LedgerUnavailable: self.init(error)
        case let problems as PolicyProblems:
            self.init(.unprocessableContent, "policies_invalid", problems.description)
            extra["problems"] = .array(problems.problems.map(JSON.string))
        case let error as JSONParseError:
            self.init(.badRequest, "json_malformed", error.description)
        case let error as JSONShapeError:
            self.init(.badRequest, "json_shape", error.description)
        case let error as CanonicalizationError:
            self.init(.badRequest, "json_not_exact", "\(error)")
        case let error as OperationError:
            self.init(.badRequest, "operation_invalid", error.description)
        case let error as DriftError:
            self.init(.badRequest, "drift_invalid", error.description)
        case let error as JSONPathError:
            self.init(.badRequest, "drift_invalid", error.description)
        case let error as JSONPointerError:
            self.init(.badRequest, "drift_invalid", error.description)
        case let error as CoreError:
            self.init(.badRequest, "value_invalid", error.description)
        case is TamperedError:
            self.init(
                .internalServerError, "tampered",
                "the stored data is not what the signed log says; nothing was done: an "
                    + "operator must run `exequatur fsck`")
        case is NIOTooManyBytesError:
            self.init(.contentTooLarge, "too_large", "the request body is too large")
        case let error as HTTPError:
            self.init(error.status, "http", error.body ?? error.status.reasonPhrase)
        default:
            self.init(
                .internalServerError, "internal",
                "the server met an error of its own; nothing "
                    + "was cleared: see its log")
        }
    }

    private init(_ refusal: Refusal) {
        let status: HTTPResponse.Status =
            switch refusal.code {
            case .notAReviewer, .selfApproval, .notEligible, .assuranceTooLow, .wrongGate,
                .notRequester, .notAllowed, .notLinked, .notInChat, .credentialShown,
                .credentialTooNew, .signatureInvalid:
                .forbidden
            case .expired, .grantLapsed: .gone
            case .reasonRequired: .badRequest
            case .notPending, .staleDigest, .alreadyDecided, .notShownInFull, .notCleared,
                .alreadyClaimed, .invalidated, .notClaimed, .alreadyReported, .notUnknown,
                .debtOpen, .noDebt, .tooManyComments:
                .conflict
            }
        self.init(status, refusal.code.rawValue, refusal.description)
    }

    private init(_ error: CommandError) {
        switch error {
        case .noSuchAction: self.init(.notFound, "no_such_action", "there is no such action")
        case .rateLimited(let seconds):
            self.init(.tooManyRequests, "rate_limited", "this comes too often: slow down")
            retryAfterSeconds = seconds
        case .noPolicies:
            self.init(.serviceUnavailable, "no_policies", "no policy set is published")
        case .clockStepped(let reason):
            self.init(.serviceUnavailable, "clock_stepped", reason)
        case .idempotencyMismatch:
            self.init(
                .unprocessableContent, "idempotency_mismatch",
                "this `Idempotency-Key` was used with another request")
        case .unsigned(let why): self.init(.unauthorized, "signature_invalid", why)
        case .badRequest(let code, let detail): self.init(.badRequest, code, detail)
        case .forbidden(let code, let detail): self.init(.forbidden, code, detail)
        case .conflict(let code, let detail): self.init(.conflict, code, detail)
        }
    }

    private init(_ error: AuthenticationError) {
        let detail =
            switch error {
            case .missing: "send `Authorization: Bearer TOKEN`"
            case .invalid: "the token is not one of this server's, or was revoked"
            case .expired: "the token has expired: ask for a new one"
            case .unavailable: "tokens can't be looked up now: try again"
            }
        self.init(
            error == .unavailable ? .serviceUnavailable : .unauthorized, error.rawValue, detail)
    }

    private init(_ error: LedgerUnavailable) {
        self.init(.serviceUnavailable, "ledger_unavailable", error.description)
        retryAfterSeconds = 1
    }
}
