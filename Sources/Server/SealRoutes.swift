// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// `/v1/seal`: how the installation stands, and asking for the end of the set-up phase.
///
/// Confirming is only done in the console, by persons who have just shown who they are.
struct SealRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/seal", use: standing)
        router.post("/v1/seal", use: propose)
        router.get("/v1/seal/manifest", use: manifest)
        router.get("/v1/passkeys/:id/receipt", use: enrolment)
    }

    @Sendable func standing(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        return Wire.answer(json)
    }

    private var json: JSON {
        let state = control.governance.seal
        var object: JSONObject = [
            "confirmations": .integer(Int64(SealState.confirmations)),
            "obstacles": .array(
                (state.seal == nil ? control.sealObstacles : []).map(JSON.string)),
            "recoveries": .integer(Int64(state.recoveries)),
            "sealed": .bool(state.seal != nil),
        ]
        object["question"] =
            control.sealQuestion.map { question in
                [
                    "by": .string(question.by.text), "confirmed": .handles(question.confirmed),
                    "current": .bool(question.isCurrent),
                    "manifest": .string(question.digest.hex),
                    "url": .string("\(control.configuration.publicURL)/seal"),
                ]
            } ?? .null
        object["seal"] =
            state.seal.map { seal in
                [
                    "at": .string(seal.at.description), "by": .handles(seal.by),
                    "manifest": .string(seal.manifest.hex),
                    "recoveryKey": .string(seal.recoveryKey.vkey),
                ]
            } ?? .null
        return .object(object)
    }

    @Sendable func propose(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let text = try reader.string("recoveryKey")
        try reader.finish()
        let key: VerifierKey
        do {
            key = try VerifierKey(vkey: text)
        } catch {
            throw CommandError.badRequest(
                code: "value_invalid", "`recoveryKey`: not a public key of Ed25519: \(error)")
        }
        _ = try await control.proposeSeal(
            recoveryKey: key, by: party, audit: Wire.auditJSON(request, context))
        return Wire.answer(json, status: .created)
    }

    /// The manifest that was sealed, for gates and auditors; while unsealed the one in question.
    @Sendable func manifest(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.reader(request, control)
        guard let manifest = try control.sealedManifest() ?? control.sealQuestion?.manifest else {
            throw Problem(.notFound, "not_found", "nothing is sealed, and nobody asks for it")
        }
        return Wire.answer([
            "digest": .string(try manifest.digest.hex), "manifest": manifest.json,
            "sealed": .bool(!control.unsealed),
        ])
    }

    /// How a passkey that was not there at the seal came to count; for gates with a floor.
    @Sendable func enrolment(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.reader(request, control)
        let id = try context.parameters.require("id")
        guard let bytes = try control.enrolmentReceipt(passkey: id) else {
            throw Problem(.notFound, "not_found", "no action has enrolled such a passkey")
        }
        return Wire.receipt(bytes, name: "passkey")
    }
}
