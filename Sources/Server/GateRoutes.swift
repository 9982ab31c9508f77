// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// `/v1/gates/…/configuration` and `/v1/gates/self/actions`: what gates say of themselves, and
/// what of it is approved.
struct GateRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/v1/gates/self/configuration", use: present)
        router.get("/v1/gates/self/actions", use: actions)
        router.get("/v1/gates/:id/configuration", use: configuration)
        router.post("/v1/gates/:id/configuration/approve", use: approve)
    }

    /// White space and escapes may make what is sent longer than what is kept.
    private static let limits = JSONLimits(
        maximumBytes: 2 * Limits.presentationBytes, maximumValues: 500_000)

    // MARK: gates

    @Sendable func present(_ request: Request, _ context: ServerContext) async throws -> Response {
        let gate = try gate(try Wire.bearer(request, control))
        try control.throttlePresentation(of: gate)
        let presentation = try GatePresentation(
            try await Wire.json(request, limits: Self.limits))
        let standing = try await control.present(presentation, by: gate)
        return Wire.answer([
            "configuration": Self.state(standing),
            "configurationDigest": .string(presentation.configurationDigest.hex),
            "digest": .string(presentation.digest.hex), "gate": .string(gate.text),
            "tools": .array(presentation.tools.map { .object(Self.tool($0, standing)) }),
        ])
    }

    /// For the agent that asks through the gate, or for all agents where the gate asks itself.
    @Sendable func actions(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.bearer(request, control)
        let gate: Handle
        var agent: Handle?
        if let header = request.headers[Wire.gateHeader] {
            gate = try self.gate(try control.authenticate(bearer: header))
            guard case .agent(let id) = party.principal else {
                throw CommandError.forbidden(
                    code: "agents_only", "beside a gate's token this needs an agent's")
            }
            agent = id
        } else {
            gate = try self.gate(party)
        }
        let never = try control.neverAllowed(at: gate, for: agent)
        return Wire.answer(["never": .array(never.map(JSON.string))])
    }

    private func gate(_ party: Authenticated) throws -> Handle {
        guard case .gate(let gate) = party.principal else {
            throw CommandError.forbidden(code: "not_a_gate", "this needs a gate's own token")
        }
        return gate
    }

    // MARK: persons

    @Sendable func configuration(
        _ request: Request, _ context: ServerContext
    ) throws -> Response {
        _ = try Wire.person(request, control)
        return Wire.answer(Self.full(try control.standing(of: try known(context))))
    }

    @Sendable func approve(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let gate = try known(context)
        var reader = try JSONReader(try await Wire.json(request))
        let expect = try reader.string("expect")
        try reader.finish()
        guard control.unsealed else {
            return try await Wire.ask(
                try control.gateApproval(gate, expect: expect), by: by, request, context, control,
                extra: ["gate": .string(gate.text)])
        }
        let approval = try await control.approve(gate, expect: expect, by: by.principal)
        let standing = approval.standing
        return Wire.answer(
            [
                "configuration": Self.state(standing),
                "configurationDigest": .optional(standing.approved?.digest.hex),
                "digest": .optional(standing.presented?.digest.hex), "gate": .string(gate.text),
                "notes": .array(approval.notes.map(JSON.string)),
                "policySet": .string(approval.policySet.hex),
                "tools": .array(
                    (standing.presented?.tools ?? []).map { .object(Self.tool($0, standing)) }),
            ], status: approval.isNew ? .created : .ok)
    }

    private func known(_ context: ServerContext) throws -> Handle {
        let gate = try Wire.handle(try context.parameters.require("id"))
        guard control.governance.directory.gates.contains(gate) else {
            throw Problem(.notFound, "not_found", "there is no `\(gate)`")
        }
        return gate
    }

    // MARK: forms

    private static func state(_ standing: GateStanding) -> JSON {
        standing.isConfigurationApproved ? "approved" : "quarantined"
    }

    private static func tool(
        _ tool: GatePresentation.Tool, _ standing: GateStanding
    ) -> JSONObject {
        [
            "digest": .string(tool.digest.hex), "name": .string(tool.name),
            "state": .string(standing.standing(tool).rawValue),
        ]
    }

    private static func full(_ standing: GateStanding) -> JSON {
        [
            "approved": approved(standing),
            "configuration": standing.presented == nil ? "none" : state(standing),
            "gate": .string(standing.gate.text), "presented": presented(standing),
            "removed": .array(standing.removed.map(JSON.string)),
        ]
    }

    private static func presented(_ standing: GateStanding) -> JSON {
        guard let presented = standing.presented else { return .null }
        let tools = presented.tools.map { tool -> JSON in
            var object = self.tool(tool, standing)
            object["definition"] = tool.definition
            return .object(object)
        }
        return [
            "at": .optional(standing.presentedAt),
            "configuration": .object(presented.configuration),
            "configurationDigest": .string(presented.configurationDigest.hex),
            "digest": .string(presented.digest.hex), "tools": .array(tools),
        ]
    }

    /// The documents are null where only their digests are known any more.
    private static func approved(_ standing: GateStanding) -> JSON {
        guard let approved = standing.approved else { return .null }
        let documents = standing.documents?.tools ?? []
        let names = approved.tools.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let tools = names.map { name, digest -> JSON in
            let document = documents.first { $0.digest == digest && $0.name == name }
            return [
                "definition": document?.definition ?? .null, "digest": .string(digest.hex),
                "name": .string(name),
            ]
        }
        return [
            "configuration": standing.documents.map { .object($0.configuration) } ?? .null,
            "configurationDigest": .string(approved.digest.hex),
            "enforcing": .bool(approved.enforcing), "kind": .string(approved.kind.rawValue),
            "server": .string(approved.server), "tools": .array(tools),
        ]
    }
}
