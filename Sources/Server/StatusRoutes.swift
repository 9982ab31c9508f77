// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Storage
internal import TransparencyLog

/// Health, readiness, metrics, who am I.
struct StatusRoutes: Sendable {
    let control: ControlPlane
    let channels: ChannelHub?
    let openAPI: [UInt8]

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/healthz") { _, _ in Self.text("ok\n") }
        router.get("/readyz", use: ready)
        router.get("/metrics", use: metrics)
        router.get("/openapi.json", use: description)
        router.get("/v1/status", use: status)
        router.get("/v1/whoami", use: whoami)
    }

    @Sendable func ready(_ request: Request, _ context: ServerContext) throws -> Response {
        if let reason = control.notReady {
            return Self.text("not ready: \(reason)\n", status: .serviceUnavailable)
        }
        return Self.text("ready\n")
    }

    @Sendable func description(_ request: Request, _ context: ServerContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: openAPI)))
    }

    @Sendable func status(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.reader(request, control)
        let governance = control.governance
        let debts = control.openDebts
        return Wire.answer([
            "clock": .optional(control.clock.explanation),
            "debts": [
                "open": .integer(Int64(debts.count)),
                "overdue": .integer(Int64(debts.count(where: \.isOverdue))),
            ],
            "origin": .string(control.configuration.origin),
            "persons": .integer(Int64(governance.directory.persons.count)),
            "policySet": .optional(governance.policies?.digest.hex),
            "ready": .bool(control.notReady == nil),
            "reviewers": .integer(
                Int64(governance.directory.persons(in: .reviewers).count)),
            "singleOperator": .bool(governance.singleOperator),
            "treeSize": .integer(Int64(control.writer.head.size)),
            "unsealed": .bool(governance.unsealed),
            "version": .string(control.configuration.software),
            "vkey": .string(control.verifierKey.vkey),
        ])
    }

    @Sendable func whoami(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.reader(request, control)
        let (kind, id): (String, Handle) =
            switch party.principal {
            case .person(let id): ("person", id)
            case .agent(let id): ("agent", id)
            case .gate(let id): ("gate", id)
            case .administrator(let id): ("administrator", id)
            case .action(_, let id): ("person", id)
            }
        return Wire.answer([
            "administrator": .bool(control.isAdministrator(party.principal)),
            "assurance": .string(party.assurance.rawValue),
            "credential": .string(party.credential), "id": .string(id.text),
            "kind": .string(kind),
            "owner": .optional(control.governance.directory.agents[id]),
        ])
    }

    /// Prometheus text format, version 0.0.4.
    @Sendable func metrics(_ request: Request, _ context: ServerContext) throws -> Response {
        var text = ""
        for (name, value) in control.counters.all {
            text += "# TYPE \(name) counter\n\(name) \(value)\n"
        }
        let debts = control.openDebts
        let gauges: [(String, UInt64)] = [
            ("exequatur_debts_open", UInt64(debts.count)),
            ("exequatur_debts_overdue", UInt64(debts.count(where: \.isOverdue))),
            ("exequatur_log_size", control.writer.head.size),
            ("exequatur_waiting_clients", UInt64(control.feed.waiting)),
            ("exequatur_event_streams", UInt64(control.feed.streams)),
            ("exequatur_ready", control.notReady == nil ? 1 : 0),
            ("exequatur_unsealed", control.unsealed ? 1 : 0),
        ]
        for (name, value) in gauges { text += "# TYPE \(name) gauge\n\(name) \(value)\n" }
        text += DriftJSON.metrics(control.driftStandings())
        text += channels?.metrics() ?? ""
        return Self.text(text, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private static func text(
        _ text: String, status: HTTPResponse.Status = .ok,
        type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
