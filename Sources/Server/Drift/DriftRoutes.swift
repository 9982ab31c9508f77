// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import DriftCore
internal import Hummingbird
internal import TransparencyLog

/// `/v1/drift/…`: what is watched, what deviates, and what people decided of it.
struct DriftRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/drift/sources", use: sources)
        router.post("/v1/drift/sources", use: setSource)
        router.get("/v1/drift/sources/:id", use: source)
        router.delete("/v1/drift/sources/:id", use: removeSource)
        router.post("/v1/drift/sources/:id/observations", use: observe)
        router.get("/v1/drift/sources/:id/baseline", use: baseline)
        router.post("/v1/drift/sources/:id/baseline/approve", use: approveBaseline)
        router.post("/v1/drift/sources/:id/baseline/repropose", use: repropose)
        router.post("/v1/drift/sources/:id/accept", use: accept)
        router.post("/v1/drift/sources/:id/acknowledge", use: acknowledge)
        router.post("/v1/drift/sources/:id/plan", use: plan)
        router.get("/v1/drift/deviations", use: deviations)
        router.get("/v1/drift/deviations/:id", use: deviation)
        router.get("/v1/drift/ignore-rules", use: ignoreRules)
        router.post("/v1/drift/ignore-rules", use: setIgnoreRule)
        router.delete("/v1/drift/ignore-rules/:id", use: removeIgnoreRule)
    }

    // MARK: sources

    @Sendable func sources(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        return Wire.answer(.array(try control.driftStandings().map { try DriftJSON.source($0) }))
    }

    /// Also for the gate that observes it, which needs to know how.
    @Sendable func source(_ request: Request, _ context: ServerContext) throws -> Response {
        let named = try Wire.handle(try context.parameters.require("id"))
        try checkReader(of: named, request)
        let id = try known(named)
        return Wire.answer(try DriftJSON.source(try control.driftStanding(id)))
    }

    @Sendable func setSource(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let source = try DriftSource(try await Wire.json(request))
        let isNew = control.governance.drift.sources[source.id] == nil
        guard control.unsealed else {
            return try await Wire.ask(
                .drift(.sourceSet(source)), by: by, request, context, control,
                extra: ["id": .string(source.id.text)])
        }
        try await control.configureDrift(.sourceSet(source), by: by.principal)
        return Wire.answer(
            try DriftJSON.source(try control.driftStanding(source.id)),
            status: isNew ? .created : .ok)
    }

    @Sendable func removeSource(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try self.id(context)
        guard control.unsealed else {
            return try await Wire.ask(
                .drift(.sourceRemoved(id)), by: by, request, context, control,
                extra: ["id": .string(id.text)])
        }
        try await control.configureDrift(.sourceRemoved(id), by: by.principal)
        return Wire.answer(["id": .string(id.text), "removed": true])
    }

    // MARK: observations

    @Sendable func observe(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        guard case .gate(let gate) = party.principal else {
            throw CommandError.forbidden(code: "not_a_gate", "this needs a gate's own token")
        }
        try control.throttleObservations(of: gate)
        let id = try self.id(context)
        let source = try control.driftSource(id)
        let arrived = control.now
        let sent = try SentObservation(
            try await Wire.json(request, limits: SentObservation.limits), arrived: arrived)
        guard try sent.specification == source.digest else {
            throw CommandError.conflict(
                code: "specification_changed",
                "source `\(id)` is to be observed by other settings now: ask for them again")
        }
        let report = try await control.observe(id, sent.observation, by: gate)
        return Wire.answer(DriftJSON.report(report))
    }

    // MARK: baselines and decisions

    @Sendable func baseline(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let id = try self.id(context)
        let from = try Wire.offset(request)
        let most = try Wire.limit(request, most: Self.leafLimit) ?? Self.leafLimit
        let standing = try control.driftStanding(id)
        let all = try control.proposedLeaves(id)
        guard try control.driftStanding(id).machine.proposed == standing.machine.proposed else {
            throw CommandError.conflict(
                code: "busy", "what is proposed changes just now: ask again")
        }
        var leaves: [JSON] = []
        var bytes = 0
        // At least one, so that whoever goes on comes to the end.
        for leaf in all.dropFirst(from).prefix(most) {
            bytes += leaf.document.count
            guard leaves.isEmpty || bytes <= Self.leafBytes else { break }
            leaves.append(["document": try leaf.json(), "subject": .string(leaf.subject)])
        }
        let next = from + leaves.count
        return Wire.answer([
            "baseline": standing.machine.baseline?.wire ?? .null, "count": .int(all.count),
            "leaves": .array(leaves), "next": next < all.count ? .int(next) : .null,
            "proposed": standing.machine.proposed?.wire ?? .null,
        ])
    }

    /// Of one page of a baseline; its documents together, and how many.
    private static let leafBytes = 4 * 1_048_576
    private static let leafLimit = 2_000

    @Sendable func approveBaseline(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let expect = try reader.string("expect")
        try reader.finish()
        let id = try self.id(context)
        guard control.unsealed else {
            return try await Wire.ask(
                try control.baselineChange(id, expect: expect), by: by, request, context, control)
        }
        let version = try await control.approveBaseline(id, expect: expect, by: by.principal)
        return Wire.answer(version.wire)
    }

    @Sendable func repropose(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try self.id(context)
        try await control.reproposeBaseline(id, by: by.principal)
        return Wire.answer(try DriftJSON.source(try control.driftStanding(id)))
    }

    @Sendable func accept(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let ids = try Self.fingerprints(&reader)
        let expect = try reader.string("expect")
        try reader.finish()
        let id = try self.id(context)
        guard control.unsealed else {
            return try await Wire.ask(
                try control.acceptanceChange(id, ids, expect: expect), by: by, request, context,
                control)
        }
        let closed = try await control.acceptDrift(
            id, ids, expect: expect, by: by.principal)
        return Wire.answer(.array(closed.map(\.wire)))
    }

    @Sendable func acknowledge(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let ids = try Self.fingerprints(&reader)
        try reader.finish()
        try await control.acknowledgeDrift(try id(context), ids, by: by.principal)
        return Wire.answer(["acknowledged": .int(ids.count)])
    }

    /// For people, and for the gate that would carry the plan out.
    @Sendable func plan(_ request: Request, _ context: ServerContext) async throws -> Response {
        let named = try Wire.handle(try context.parameters.require("id"))
        try control.throttlePlans(by: try checkReader(of: named, request))
        let id = try known(named)
        var reader = try JSONReader(try await Wire.json(request))
        let ids = try Self.fingerprints(&reader)
        let allowsBroadening = try reader.optionalBool("broadening") ?? false
        try reader.finish()
        let plan = try control.planDrift(id, ids, allowsBroadening: allowsBroadening)
        return Wire.answer([
            "digest": .string(try plan.digest.hex),
            "effects": .array(plan.effects.map(\.json)), "plan": plan.json,
        ])
    }

    // MARK: deviations

    @Sendable func deviations(_ request: Request, _ context: ServerContext) throws -> Response {
        var query = DriftQuery()
        let parameters = request.uri.queryParameters
        if let source = parameters["source"] {
            query.source = try Wire.handle(String(source))
        }
        try checkReader(of: query.source, request)
        if let source = query.source { _ = try known(source) }
        switch parameters["state"].map(String.init) {
        case nil, "open": break
        case "closed": query.isClosed = true
        case "all": query.withAll = true
        default:
            throw CommandError.badRequest(
                code: "value_invalid", "`state`: `open`, `closed` or `all`")
        }
        query.limit = try Wire.limit(request, most: 1000) ?? query.limit
        return Wire.answer(.array(try control.deviations(query).map(\.wire)))
    }

    @Sendable func deviation(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        guard let episode = try control.deviation(try context.parameters.require("id")) else {
            throw Problem(.notFound, "not_found", "there is no such deviation")
        }
        let leaves = try control.leaves(episode.deviation.source, episode.deviation.subject)
        guard case .object(var object) = episode.wire else { return Wire.answer(episode.wire) }
        object["expectedDocument"] = leaves.expected ?? .null
        object["foundDocument"] = leaves.found ?? .null
        return Wire.answer(.object(object))
    }

    // MARK: ignore rules

    @Sendable func ignoreRules(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let rules = control.governance.drift.ignoreRules.values.sorted { $0.id < $1.id }
        return Wire.answer(.array(rules.map { DriftJSON.rule($0, control) }))
    }

    @Sendable func setIgnoreRule(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        guard let person = by.principal.personID,
            case .object(var object) = try await Wire.json(request)
        else {
            throw CommandError.badRequest(
                code: "value_invalid", "an ignore rule is an object, and a person approves it")
        }
        // Who approved it, and when, is not for the request to say.
        object["approvedBy"] = .string(person.text)
        object["approvedAt"] = .string(control.now.description)
        if object["owner"] == nil { object["owner"] = .string(person.text) }
        let rule = try IgnoreRule(.object(object), path: "rule")
        let isNew = control.governance.drift.ignoreRules[rule.id] == nil
        guard control.unsealed else {
            return try await Wire.ask(
                .drift(.ignoreRuleSet(rule)), by: by, request, context, control,
                extra: ["id": .string(rule.id.text)])
        }
        try await control.configureDrift(.ignoreRuleSet(rule), by: by.principal)
        return Wire.answer(DriftJSON.rule(rule, control), status: isNew ? .created : .ok)
    }

    @Sendable func removeIgnoreRule(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try Wire.handle(try context.parameters.require("id"))
        guard control.governance.drift.ignoreRules[id] != nil else {
            throw Problem(.notFound, "not_found", "there is no ignore rule `\(id)`")
        }
        guard control.unsealed else {
            return try await Wire.ask(
                .drift(.ignoreRuleRemoved(id)), by: by, request, context, control,
                extra: ["id": .string(id.text)])
        }
        try await control.configureDrift(.ignoreRuleRemoved(id), by: by.principal)
        return Wire.answer(["id": .string(id.text), "removed": true])
    }

    // MARK: readers

    /// The source in the path.
    private func id(_ context: ServerContext) throws -> Handle {
        try known(try Wire.handle(try context.parameters.require("id")))
    }

    private func known(_ id: Handle) throws -> Handle {
        guard control.governance.drift.sources[id] != nil else {
            throw Problem(.notFound, "not_found", "there is no source `\(id)`")
        }
        return id
    }

    /// People read everything, a gate what it observes.
    @discardableResult
    private func checkReader(of source: Handle?, _ request: Request) throws -> Principal {
        let principal = try Wire.reader(request, control).principal
        switch principal {
        case .person, .administrator, .action: return principal
        case .gate(let gate):
            if let source, control.governance.drift.sources[source]?.observer == gate {
                return principal
            }
        case .agent: break
        }
        throw CommandError.forbidden(
            code: "not_the_observer", "only people and its observer see a source")
    }

    private static func fingerprints(_ reader: inout JSONReader) throws -> Set<Hash256> {
        let texts = try reader.strings("ids")
        guard (1...DriftLimits.deviations).contains(texts.count) else {
            throw CommandError.badRequest(
                code: "value_invalid", "`ids`: 1 to \(DriftLimits.deviations) deviations")
        }
        return Set(
            try texts.map { text in
                guard let hash = Hash256(hex: text) else {
                    throw CommandError.badRequest(
                        code: "value_invalid", "`ids`: 64 lower-case hex digits each")
                }
                return hash
            })
    }
}
