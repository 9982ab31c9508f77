// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// `/v1/resources` and `/v1/freezes`: what is known of resources, and when things are held back.
struct CatalogueRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/resources", use: resources)
        router.put("/v1/resources/:id", use: setResource)
        router.delete("/v1/resources/:id") { request, context in
            try await remove(request, context, known: { $0.resources[$1] != nil }) {
                .resourceRemoved($0)
            }
        }
        router.get("/v1/freezes", use: freezes)
        router.put("/v1/freezes/:id", use: setFreeze)
        router.delete("/v1/freezes/:id") { request, context in
            try await remove(request, context, known: { $0.freezes[$1] != nil }) {
                .freezeRemoved($0)
            }
        }
    }

    @Sendable func resources(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let all = control.governance.directory.resources.values.sorted { $0.id < $1.id }
        return Wire.answer(.array(all.map(\.json)))
    }

    @Sendable func setResource(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.administrator(request, control)
        let id = try Wire.handle(try context.parameters.require("id"))
        var reader = try JSONReader(try await Wire.json(request))
        let rule = try ResourceRule(
            id: id, type: try reader.string("type"), pattern: try reader.string("pattern"),
            sensitivity: try reader.choice("sensitivity", Sensitivity.self),
            owner: try reader.optionalHandle("owner"))
        try reader.finish()
        let directory = control.governance.directory
        if let owner = rule.owner, !directory.persons.contains(owner),
            directory.groups[owner] == nil
        {
            throw CommandError.conflict(
                code: "directory_conflict", "there is no person or group `\(owner)`")
        }
        return try await change(.resourceSet(rule), rule.json, party, request, context)
    }

    @Sendable func freezes(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let now = control.now
        let all = control.governance.directory.freezes.values.sorted { $0.id < $1.id }
        return Wire.answer(.array(all.map { Self.json($0, at: now) }))
    }

    private static func json(_ window: FreezeWindow, at now: Timestamp) -> JSON {
        var object = window.json.objectValue ?? [:]
        object["open"] = .bool(window.isOpen(at: now))
        object["ranges"] = .array(window.ranges.map { .string(WeekTime.text($0)) })
        object["offsetsUntil"] = .optional(window.offsets.last?.from)
        object["offsets"] = Optional<JSON>.none
        return .object(object)
    }

    @Sendable func setFreeze(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.administrator(request, control)
        let id = try Wire.handle(try context.parameters.require("id"))
        var reader = try JSONReader(try await Wire.json(request))
        let zone = try reader.string("zone")
        let ranges = try reader.strings("ranges").map { text in
            guard let range = WeekTime.range(text) else {
                throw CommandError.badRequest(
                    code: "value_invalid",
                    "`ranges`: `\(VisibleText.escape(text))` is not a part of a week such as "
                        + "`Fri 14:00 - Mon 08:00`")
            }
            return range
        }
        try reader.finish()
        let window = try FreezeWindow(
            id: id, zone: zone, ranges: ranges,
            offsets: try ZoneOffsets.offsets(of: zone, from: control.now))
        return try await change(
            .freezeSet(window), Self.json(window, at: control.now), party, request, context)
    }

    private func remove(
        _ request: Request, _ context: ServerContext,
        known: (Directory, Handle) -> Bool, _ change: (Handle) -> DirectoryChange
    ) async throws -> Response {
        let party = try Wire.administrator(request, control)
        let id = try Wire.handle(try context.parameters.require("id"))
        guard known(control.governance.directory, id) else {
            throw Problem(.notFound, "not_found", "there is no `\(id)`")
        }
        return try await self.change(
            change(id), ["id": .string(id.text), "removed": true], party, request, context)
    }

    private func change(
        _ change: DirectoryChange, _ done: JSON, _ party: Authenticated, _ request: Request,
        _ context: ServerContext
    ) async throws -> Response {
        let change = GovernanceChange.directory([NamedDirectoryChange(change)])
        guard control.unsealed else {
            return try await Wire.ask(
                change, by: party, request, context, control, extra: done.objectValue ?? [:])
        }
        _ = try await control.administer(change, by: party)
        return Wire.answer(done)
    }
}
