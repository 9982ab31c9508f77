// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Synchronization

/// Reads one document of at most so many bytes; tests put their own in its place.
package struct DocumentSource: Sendable {
    let read: @Sendable (_ url: String, _ limit: Int) async throws -> [UInt8]

    package init(read: @escaping @Sendable (_ url: String, _ limit: Int) async throws -> [UInt8]) {
        self.read = read
    }
}

/// Where an issuer describes itself, and with it its keys.
struct KeyPlace: Sendable, Hashable {
    /// What the description must call its issuer; compared as bytes.
    let issuer: String
    /// The address of the description.
    let description: String
    /// True where the description is not behind TLS; its keys then need not be either.
    let isPlain: Bool

    /// The place that OpenID Connect Discovery gives an issuer.
    init(_ issuer: IssuerURL) {
        self.issuer = issuer.text
        description = issuer.discovery
        isPlain = issuer.isPlain
    }

    /// A place that somebody configured.
    init(issuer: String, metadata: IssuerURL) {
        self.issuer = issuer
        description = metadata.text
        isPlain = metadata.isPlain
    }
}

/// The keys of trusted issuers: one fetch at a time for each, and no more often than needed.
package final class IssuerKeys: Sendable {
    private struct State {
        var machine: KeyCacheMachine
        var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let source: DocumentSource
    /// The clock that never jumps.
    let seconds: @Sendable () -> Double
    private let state: Mutex<State>

    /// Fetches through `source`; `seconds` is a clock that never jumps.
    package init(
        source: DocumentSource, patience: KeyPatience = .workloads,
        seconds: @escaping @Sendable () -> Double
    ) {
        self.source = source
        self.seconds = seconds
        state = Mutex(State(machine: KeyCacheMachine(patience)))
    }

    /// The key of this name, or nil where the issuer has none.
    ///
    /// Issuers that are not among `trusted` are forgotten.
    package func key(
        _ id: String, of issuer: IssuerURL, trusted: Set<String>
    ) async throws(IssuerFailure) -> VerificationKey? {
        try await key(id, at: KeyPlace(issuer), trusted: trusted)
    }

    /// The same of an issuer that describes itself elsewhere.
    ///
    /// Without a name it is the key of an issuer that has one. Where `trusted` is nil nobody is
    /// forgotten, for issuers that come from the configuration.
    func key(
        _ id: String?, at place: KeyPlace, trusted: Set<String>?
    ) async throws(IssuerFailure) -> VerificationKey? {
        // Once before a fetch and once after; again where the one who fetched went away.
        for _ in 0..<4 {
            let answer = state.withLock { state in
                if let trusted { state.machine.keep(trusted) }
                return state.machine.ask(place.issuer, key: id, now: seconds())
            }
            switch answer {
            case .key(let key): return key
            case .unknownKey: return nil
            case .unavailable(let failure): throw failure
            case .fetch: await fetch(place)
            case .wait: try await wait(place.issuer)
            }
        }
        throw IssuerFailure("too many requests wait for its keys")
    }

    private func fetch(_ place: KeyPlace) async {
        let result: Result<KeySet, any Error>
        do {
            result = .success(try await read(place))
        } catch {
            result = .failure(error)
        }
        let waiting = state.withLock { state in
            switch result {
            case .success(let keys):
                state.machine.fetched(place.issuer, keys, now: seconds())
            case .failure(let failure as IssuerFailure):
                state.machine.failed(place.issuer, failure, now: seconds())
            case .failure(is CancellationError):
                state.machine.interrupted(place.issuer)
            case .failure(let error):
                state.machine.failed(
                    place.issuer, IssuerFailure("it does not answer: \(error)"), now: seconds())
            }
            return state.waiting.removeValue(forKey: place.issuer) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }

    private func read(_ place: KeyPlace) async throws -> KeySet {
        let bytes = try await source.read(place.description, IdentityLimits.discoveryBytes)
        let url = try Self.keySetURL(bytes, place)
        return try await KeySet(try await source.read(url, IdentityLimits.keySetBytes))
    }

    /// Where the keys are (OpenID Connect Discovery 1.0 §3); the document must be the issuer's own.
    static func keySetURL(_ bytes: [UInt8], _ place: KeyPlace) throws(IssuerFailure) -> String {
        guard let json = try? JSON(parsing: bytes), let name = json["issuer"]?.stringValue,
            let keys = json["jwks_uri"]?.stringValue
        else { throw IssuerFailure("its description can't be read") }
        guard name.utf8.elementsEqual(place.issuer.utf8) else {
            throw IssuerFailure("its description is of another issuer")
        }
        guard let url = try? IssuerURL(keys, allowsQuery: true), !url.isPlain || place.isPlain
        else { throw IssuerFailure("its keys are not behind `https`") }
        return url.text
    }

    private func wait(_ issuer: String) async throws(IssuerFailure) {
        let isFull = state.withLock {
            $0.waiting[issuer]?.count ?? 0 >= IdentityLimits.waiters
        }
        guard !isFull else { throw IssuerFailure("too many requests wait for its keys") }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.machine.isFetching(issuer) else { return true }
                state.waiting[issuer, default: []].append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
