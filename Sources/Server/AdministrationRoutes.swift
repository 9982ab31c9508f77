// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Storage
internal import TransparencyLog

/// `/v1/persons`, `agents`, `gates`, `groups`: the directory.
///
/// Each change is a ledger entry.
struct AdministrationRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/persons", use: persons)
        router.post("/v1/persons", use: addPerson)
        router.get("/v1/persons/:id", use: person)
        router.delete("/v1/persons/:id") { try await remove($0, $1) { .personRemoved($0) } }
        router.post("/v1/persons/:id/rotate") { try await rotate($0, $1, .person) }
        router.post("/v1/persons/:id/link", use: link)
        router.get("/v1/agents", use: agents)
        router.post("/v1/agents", use: addAgent)
        router.get("/v1/agents/:id", use: agent)
        router.delete("/v1/agents/:id") { try await remove($0, $1) { .agentRemoved($0) } }
        router.post("/v1/agents/:id/rotate") { try await rotate($0, $1, .agent) }
        router.post("/v1/agents/:id/tokens", use: addToken)
        router.delete("/v1/agents/:id/tokens/:credential", use: removeToken)
        router.get("/v1/gates", use: gates)
        router.post("/v1/gates", use: addGate)
        router.get("/v1/gates/:id", use: gate)
        router.delete("/v1/gates/:id") { try await remove($0, $1) { .gateRemoved($0) } }
        router.post("/v1/gates/:id/rotate") { try await rotate($0, $1, .gate) }
        router.get("/v1/groups", use: groups)
        router.post("/v1/groups", use: addGroup)
        router.get("/v1/groups/:id", use: group)
        router.delete("/v1/groups/:id") { try await remove($0, $1) { .groupRemoved($0) } }
        router.put("/v1/groups/:id/members/:member") { request, context in
            try await member(request, context) { .memberAdded(group: $0, member: $1) }
        }
        router.delete("/v1/groups/:id/members/:member") { request, context in
            try await member(request, context) { .memberRemoved(group: $0, member: $1) }
        }
        router.post("/v1/clock/confirm", use: confirmClock)
    }

    // MARK: reading

    @Sendable func persons(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let governance = control.governance
        let all = governance.directory.persons.sorted()
        return Wire.answer(.array(try all.map { try person($0, governance) }))
    }

    @Sendable func person(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let id = try Self.id(context)
        let governance = control.governance
        guard governance.directory.persons.contains(id) else { throw Self.unknown(id) }
        return Wire.answer(try person(id, governance))
    }

    @Sendable func agents(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let governance = control.governance
        let all = governance.directory.agents.keys.sorted()
        return Wire.answer(.array(try all.map { try agent($0, governance) }))
    }

    @Sendable func agent(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let id = try Self.id(context)
        let governance = control.governance
        guard governance.directory.agents[id] != nil else { throw Self.unknown(id) }
        return Wire.answer(try agent(id, governance))
    }

    @Sendable func gates(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let governance = control.governance
        let all = governance.directory.gates.sorted()
        return Wire.answer(.array(try all.map { try gate($0, governance) }))
    }

    @Sendable func gate(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let id = try Self.id(context)
        let governance = control.governance
        guard governance.directory.gates.contains(id) else { throw Self.unknown(id) }
        return Wire.answer(try gate(id, governance))
    }

    @Sendable func groups(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let directory = control.governance.directory
        return Wire.answer(.array(directory.groups.keys.sorted().map { Self.group($0, directory) }))
    }

    @Sendable func group(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let id = try Self.id(context)
        let directory = control.governance.directory
        guard directory.groups[id] != nil else { throw Self.unknown(id) }
        return Wire.answer(Self.group(id, directory))
    }

    private func person(_ id: Handle, _ governance: Governance) throws -> JSON {
        let directory = governance.directory
        let accounts = directory.externals.filter { $0.value.person == id }
            .sorted { $0.key < $1.key }
        return [
            "accounts": .array(
                accounts.map { account, link in
                    [
                        "issuer": .string(account.issuer),
                        "since": .string(link.since.description),
                        "subject": .string(account.subject),
                    ]
                }),
            "administrator": .bool(directory.isAdministrator(id)),
            "credentials": try credentials(id, [.person, .administrator], governance),
            "groups": .handles(directory.groups(of: id)), "id": .string(id.text),
            "name": .string(governance.names[id] ?? id.text),
            "passkeys": .array(
                directory.passkeys(of: id).map {
                    ["id": .string($0.id), "since": .string($0.since.description)]
                }),
        ]
    }

    private func agent(_ id: Handle, _ governance: Governance) throws -> JSON {
        [
            "credentials": try credentials(id, [.agent], governance),
            "groups": .handles(governance.directory.groups(of: id)), "id": .string(id.text),
            "name": .string(governance.names[id] ?? id.text),
            "owner": .optional(governance.directory.agents[id]),
        ]
    }

    private func gate(_ id: Handle, _ governance: Governance) throws -> JSON {
        ["credentials": try credentials(id, [.gate], governance), "id": .string(id.text)]
    }

    private static func group(_ id: Handle, _ directory: Directory) -> JSON {
        ["id": .string(id.text), "members": .handles((directory.groups[id] ?? []).sorted())]
    }

    private func credentials(
        _ subject: Handle, _ kinds: Set<CredentialKind>, _ governance: Governance
    ) throws -> JSON {
        let all = governance.directory.credentials.values
            .filter { $0.subject == subject && kinds.contains($0.kind) }
            .sorted { $0.id < $1.id }
        return .array(
            try all.map { credential in
                [
                    "expires": .optional(credential.notAfter), "id": .string(credential.id),
                    "kind": .string(credential.kind.rawValue),
                    "lastUsed": .optional(try control.lastUse(of: credential.id)),
                    "onBehalfOf": .optional(credential.onBehalfOf),
                    "shownTo": .handles(credential.shownTo),
                ]
            })
    }

    // MARK: changing

    @Sendable func addPerson(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let id = try reader.handle("id")
        let name = try Self.name(&reader)
        let groups = try Self.groups(&reader)
        let token = try reader.optionalBool("token") ?? false
        try reader.finish()
        guard control.unsealed else {
            // Tokens and links are made once he is there.
            return try await Wire.ask(
                .directory(ControlPlane.addition(of: id, name: name, groups: groups)), by: by,
                request, context, control, extra: ["id": .string(id.text)])
        }
        let issued = try await control.addPerson(
            id, name: name, groups: groups, wantsToken: token, by: by.principal)
        return created(issued, ["groups": .handles(groups), "name": .string(name ?? id.text)])
    }

    @Sendable func addAgent(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let id = try reader.handle("id")
        let owner = try reader.handle("owner")
        let name = try Self.name(&reader)
        let groups = try Self.groups(&reader)
        let lifetime = try Self.lifetime(&reader)
        try reader.finish()
        let (changes, issued) = control.addition(
            ofAgent: id, owner: owner, groups: groups, name: name, lifetime: lifetime,
            by: by.principal)
        let shown: JSONObject = ["groups": .handles(groups), "owner": .string(owner.text)]
        return try await administer(.directory(changes), issued, shown, by: by, request, context)
    }

    @Sendable func addGate(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let id = try reader.handle("id")
        let lifetime = try Self.lifetime(&reader)
        try reader.finish()
        let (changes, issued) = try control.addition(
            ofGate: id, lifetime: lifetime, by: by.principal)
        return try await administer(.directory(changes), issued, [:], by: by, request, context)
    }

    @Sendable func addGroup(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let id = try reader.handle("id")
        try reader.finish()
        let added = GovernanceChange.directory([NamedDirectoryChange(.groupAdded(id))])
        guard control.unsealed else {
            return try await Wire.ask(
                added, by: by, request, context, control, extra: ["id": .string(id.text)])
        }
        try await control.addGroup(id, by: by.principal)
        return Wire.answer(["id": .string(id.text), "members": []], status: .created)
    }

    private func remove(
        _ request: Request, _ context: ServerContext, _ change: (Handle) -> DirectoryChange
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try Self.id(context)
        guard control.unsealed else {
            return try await Wire.ask(
                .directory([NamedDirectoryChange(change(id))]), by: by, request, context, control,
                extra: ["id": .string(id.text)])
        }
        try await control.apply(change(id), by: by.principal)
        return Wire.answer(["id": .string(id.text), "removed": true])
    }

    private func member(
        _ request: Request, _ context: ServerContext,
        _ change: (Handle, Handle) -> DirectoryChange
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let group = try Self.id(context)
        let member = try Wire.handle(try context.parameters.require("member"))
        guard control.unsealed else {
            return try await Wire.ask(
                .directory([NamedDirectoryChange(change(group, member))]), by: by, request,
                context, control, extra: ["id": .string(group.text)])
        }
        try await control.apply(change(group, member), by: by.principal)
        return Wire.answer(Self.group(group, control.governance.directory))
    }

    private func rotate(
        _ request: Request, _ context: ServerContext, _ kind: CredentialKind
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let bytes = try await Wire.bytes(request)
        var reader = try JSONReader(bytes.isEmpty ? [:] : try JSON(parsing: bytes))
        let lifetime = try Self.lifetime(&reader)
        try reader.finish()
        let (changes, issued) = control.rotation(
            of: kind, try Self.id(context), lifetime: lifetime, by: by.principal)
        return try await administer(.directory(changes), issued, [:], by: by, request, context)
    }

    /// One more token of an agent, for a while, or for acting on behalf of a person.
    @Sendable func addToken(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try Self.id(context)
        var reader = try JSONReader(try await Wire.json(request))
        let person = try reader.optionalHandle("onBehalfOf")
        let lifetime = try Self.lifetime(&reader)
        try reader.finish()
        let (changes, issued) = try control.token(
            ofAgent: id, onBehalfOf: person, lifetime: lifetime, by: by.principal)
        return try await administer(
            .directory(changes), issued, ["onBehalfOf": .optional(person)], by: by, request,
            context)
    }

    /// Ends one token and leaves the others.
    @Sendable func removeToken(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try Self.id(context)
        let credential = try context.parameters.require("credential")
        guard let known = control.governance.directory.credentials[credential],
            known.subject == id, known.kind == .agent || known.kind == .gate
        else { throw Problem(.notFound, "not_found", "`\(id)` has no such token") }
        return try await administer(
            .directory([NamedDirectoryChange(.credentialRevoked(credential))]), nil,
            ["id": .string(id.text), "removed": true], by: by, request, context)
    }

    /// Makes a change that hands a token out, or asks for it: the token works once it is approved.
    private func administer(
        _ change: GovernanceChange, _ issued: IssuedCredential?, _ shown: JSONObject,
        by party: Authenticated, _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        var object = shown
        if let issued {
            object["id"] = .string(issued.id)
            if let token = issued.token { object["token"] = .string(token) }
            object["tokenExpires"] = .optional(issued.expires)
        }
        guard control.unsealed else {
            // Nothing is, yet.
            object["removed"] = nil
            return try await Wire.ask(
                change, by: party, request, context, control, extra: object)
        }
        _ = try await control.administer(change, by: party)
        return Wire.answer(.object(object), status: issued == nil ? .ok : .created)
    }

    /// How long a token is to live, such as `90d`; nil for as long as nobody ends it.
    private static func lifetime(_ reader: inout JSONReader) throws -> Int64? {
        guard let value = reader.optionalValue("expires") else { return nil }
        // `null` is no way to ask for a token that lives for ever: leave it out.
        guard let seconds = value.stringValue.flatMap(TokenLifetime.seconds) else {
            throw CommandError.badRequest(
                code: "value_invalid", "`expires`: a length of time such as `90d`, at most 400 days"
            )
        }
        return seconds
    }

    @Sendable func link(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try Self.id(context)
        return Wire.answer(
            [
                "id": .string(id.text),
                "signInLink": .string(try await control.signInLink(for: id, askedBy: by)),
            ], status: .created)
    }

    @Sendable func confirmClock(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await control.confirmClock(
            by: try Wire.administrator(request, control).principal)
        return Wire.answer(["confirmed": true])
    }

    private func created(_ issued: IssuedCredential, _ extra: JSONObject) -> Response {
        var object = extra
        object["id"] = .string(issued.id)
        if let token = issued.token { object["token"] = .string(token) }
        if let link = issued.signInLink { object["signInLink"] = .string(link) }
        return Wire.answer(.object(object), status: .created)
    }

    private static func id(_ context: ServerContext) throws -> Handle {
        try Wire.handle(try context.parameters.require("id"))
    }

    private static func unknown(_ id: Handle) -> Problem {
        Problem(.notFound, "not_found", "there is no `\(id)`")
    }

    private static func name(_ reader: inout JSONReader) throws -> String? {
        guard let name = try reader.optionalString("name") else { return nil }
        guard !name.isEmpty, name.utf8.count <= 200, !VisibleText.isDeceptive(name) else {
            throw CommandError.badRequest(
                code: "value_invalid", "`name`: 1 to 200 bytes of visible text")
        }
        return name
    }

    private static func groups(_ reader: inout JSONReader) throws -> [Handle] {
        try (try reader.optionalStrings("groups") ?? []).map(Wire.handle)
    }
}
