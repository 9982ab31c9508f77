// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import AsyncHTTPClient
package import CanonicalJSON
package import DriftCore
internal import Synchronization

/// Watches a JSON document behind an address; settings are those of ``HTTPSettings`` and
/// ``HTTPProjection``, and `accept`, `maximumBytes`, `next` and `maximumPages`.
///
/// A server that gives an entity tag is asked for changes only; what it gave last is kept in memory
/// for that, as long as the collector lives.
package final class HTTPCollector: SourceCollector {
    /// What was given last, and under which tag.
    private struct Known: Sendable {
        let tag: String
        let document: JSON
    }

    private static let defaultBytes: Int64 = 4_194_304
    private static let maximumBytes: Int64 = 67_108_864
    private static let defaultPages: Int64 = 50
    private static let maximumPages: Int64 = 1_000
    private static let tagBytes = 1_024

    private let settings: HTTPSettings
    private let projection: HTTPProjection
    private let accept: String
    private let limit: Int
    /// Where a page says what the next one is; nil for a single page.
    private let next: JSONPath?
    private let pageLimit: Int
    private let known = Mutex<Known?>(nil)

    package init(settings object: JSONObject) throws {
        var reader = try JSONReader(.object(object), path: "settings")
        settings = try HTTPSettings(&reader)
        projection = try HTTPProjection(&reader)
        accept = try reader.optionalString("accept") ?? "application/json"
        guard accept.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw reader.error("accept", "not plain ASCII")
        }
        let bytes = try reader.optionalInt("maximumBytes") ?? Self.defaultBytes
        guard (1...Self.maximumBytes).contains(bytes) else {
            throw reader.error("maximumBytes", "from 1 to \(Self.maximumBytes)")
        }
        limit = Int(bytes)
        next = try reader.optionalString("next").map { try JSONPath($0) }
        let pages = try reader.optionalInt("maximumPages") ?? Self.defaultPages
        guard (1...Self.maximumPages).contains(pages) else {
            throw reader.error("maximumPages", "from 1 to \(Self.maximumPages)")
        }
        pageLimit = Int(pages)
        try reader.finish()
    }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        do throws(CollectorFailure) {
            let pages = try await HTTPExchange.with(seconds: settings.timeout) { client in
                do throws(CollectorFailure) {
                    return .success(try await self.pages(client))
                } catch {
                    return .failure(error)
                }
            }
            var builder = ObservationBuilder(started: started, redactor: redactor)
            for (subject, document) in try projection.subjects(in: pages) {
                builder.add(subject, document)
            }
            return builder.observation(ended: now())
        } catch {
            return Observation(started: started, ended: now(), error)
        }
    }

    package func hints() -> AsyncStream<SourceHint>? { nil }

    private func pages(_ client: HTTPClient) async throws(CollectorFailure) -> [JSON] {
        guard let next else { return [try await document(client)] }
        var pages: [JSON] = []
        var asked: Set<String> = []
        var address: HTTPAddress? = settings.address
        var bytes = 0
        while let page = address {
            guard asked.insert(page.url).inserted else {
                throw CollectorFailure(.malformed, "the pages lead in a circle")
            }
            guard asked.count <= pageLimit else {
                throw CollectorFailure(.tooLarge, "more than \(pageLimit) pages")
            }
            let answer = try await ask(page, tag: nil, client)
            bytes += answer.body.count
            guard bytes <= limit else {
                throw CollectorFailure(.tooLarge, "the pages have more than \(limit) bytes")
            }
            let document = try Self.parse(answer, page, limit)
            pages.append(document)
            address = try following(document, next, page)
        }
        return pages
    }

    /// The address of the page after this one; nil after the last.
    private func following(
        _ document: JSON, _ next: JSONPath, _ page: HTTPAddress
    ) throws(CollectorFailure) -> HTTPAddress? {
        let found = try next.values(in: document)
        guard let first = found.first, !first.isNull else { return nil }
        guard found.count == 1, let text = first.stringValue else {
            throw CollectorFailure(.malformed, "`next` leads to something else than one text")
        }
        guard let address = HTTPAddress(text, relativeTo: page) else {
            throw CollectorFailure(
                .malformed, "the next page, `\(ShownText.line(text))`, is no `https` address")
        }
        guard settings.mayAsk(address) else {
            throw CollectorFailure(
                .malformed,
                "the next page is at `\(ShownText.line(address.authority))`: add it to `allow` if "
                    + "that is right")
        }
        return address
    }

    private func document(_ client: HTTPClient) async throws(CollectorFailure) -> JSON {
        let before = known.withLock { $0 }
        let answer = try await ask(settings.address, tag: before?.tag, client)
        if answer.status == 304, let before { return before.document }
        let document = try Self.parse(answer, settings.address, limit)
        let tag = answer.header("etag").flatMap { Self.isTag($0) ? $0 : nil }
        known.withLock { $0 = tag.map { Known(tag: $0, document: document) } }
        return document
    }

    /// Whether a tag may go into a header again.
    private static func isTag(_ text: String) -> Bool {
        (1...tagBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private func ask(
        _ page: HTTPAddress, tag: String?, _ client: HTTPClient
    ) async throws(CollectorFailure) -> HTTPAnswer {
        var headers = [("accept", accept)]
        headers += try settings.values(for: page)
        if let tag { headers.append(("if-none-match", tag)) }
        let answer = try await HTTPExchange.send(
            "GET", page, headers: headers, body: nil, limit: limit, client: client)
        switch answer.status {
        case 200: return answer
        case 304 where tag != nil: return answer
        case 300..<400:
            throw CollectorFailure(
                .malformed,
                "`\(page.shown)` answers with status \(answer.status): redirects are not followed; "
                    + "give the address it leads to")
        default:
            throw CollectorFailure(
                .unreachable, "`\(page.shown)` answers with status \(answer.status)")
        }
    }

    private static func parse(
        _ answer: HTTPAnswer, _ page: HTTPAddress, _ limit: Int
    ) throws(CollectorFailure) -> JSON {
        do {
            let limits = JSONLimits(maximumBytes: limit, maximumMembers: 100_000)
            return try JSON(parsing: answer.body, limits: limits)
        } catch {
            throw CollectorFailure(
                .malformed, "`\(page.shown)`: \(ShownText.line("\(error)"))")
        }
    }
}
