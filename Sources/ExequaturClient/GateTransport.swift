// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// One request of a gate to the service.
public struct GateRequest: Sendable {
    /// `GET` or `POST`.
    public enum Method: String, Sendable { case get = "GET", post = "POST" }

    /// The method.
    public var method: Method
    /// Path and query, from the first slash.
    public var path: String
    /// The body of a `POST`.
    public var body: JSON?
    /// How long the answer may take as a whole.
    public var timeout: Duration
    /// Tiles and keys are public; tokens are sent only where they are asked for.
    public var isAuthenticated: Bool

    /// Makes a request.
    public init(
        _ method: Method, _ path: String, body: JSON? = nil, timeout: Duration = .seconds(10),
        isAuthenticated: Bool = true
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.timeout = timeout
        self.isAuthenticated = isAuthenticated
    }
}

/// An answer, whatever its status.
public struct GateResponse: Sendable {
    /// The HTTP status code.
    public var status: Int
    /// The body, at most 4 MiB.
    public var body: [UInt8]
    /// Seconds of a `Retry-After`, where there is one.
    public var retryAfter: Int?

    /// Makes an answer.
    public init(status: Int, body: [UInt8], retryAfter: Int? = nil) {
        self.status = status
        self.body = body
        self.retryAfter = retryAfter
    }
}

/// No answer came: the service could not be reached, or fell silent.
public struct TransportFailure: Error, Sendable, CustomStringConvertible {
    /// One line, lowercase.
    public let description: String

    /// Makes a failure.
    public init(_ description: String) { self.description = description }
}

/// How a gate reaches the service: over HTTP, or in the same process.
public protocol GateTransport: Sendable {
    /// Sends one request and reads the whole answer.
    /// - Throws: ``TransportFailure`` when no answer came.
    func send(_ request: GateRequest) async throws(TransportFailure) -> GateResponse
}

/// A way to the service that several requesters share, each with a credential of his own.
public protocol GateConnection: Sendable {
    /// A transport that speaks for one requester.
    /// - Parameters:
    ///   - token: the requester's credential.
    ///   - gateToken: the gate's own credential; nil makes the gate advisory.
    ///   - configuration: digest of the configuration that the gate presented, in hexadecimal.
    /// - Returns: a transport on the same connections.
    func transport(
        as token: GateToken, at gateToken: GateToken?, configuration: String?
    ) -> any GateTransport
}

/// What a gate needs from outside: time and chance.
public struct GateEffects: Sendable {
    /// Time since some start; never goes backwards, and runs on while the machine sleeps.
    public var now: @Sendable () -> Duration
    /// Waits; throws when cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// That many unpredictable bytes.
    public var entropy: @Sendable (Int) -> [UInt8]

    /// Makes effects.
    public init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        entropy: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.now = now
        self.sleep = sleep
        self.entropy = entropy
    }
}
