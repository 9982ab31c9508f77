// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// `/v1/policies`: read, check, publish.
struct PolicyRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/policies", use: current)
        router.post("/v1/policies", use: publish)
        router.post("/v1/policies/check", use: check)
    }

    @Sendable func current(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let governance = control.governance
        guard let policies = governance.policies else { throw CommandError.noPolicies }
        return Wire.answer([
            "digest": .string(policies.digest.hex), "files": Self.files(policies),
            "publishedAt": .optional(governance.publishedAt),
            "publishedBy": .optional(governance.publishedBy),
        ])
    }

    @Sendable func publish(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let files = try await files(request)
        let policies = try await compiled(files)
        guard control.unsealed else {
            return try await Wire.ask(
                .policies(files), by: by, request, context, control,
                extra: ["digest": .string(policies.digest.hex)])
        }
        try await control.publish(policies, by: by.principal)
        return Wire.answer(
            [
                "digest": .string(policies.digest.hex),
                "policies": .integer(Int64(policies.policySet.policies.count)),
            ], status: .created)
    }

    @Sendable func check(_ request: Request, _ context: ServerContext) async throws -> Response {
        _ = try Wire.person(request, control)
        do {
            let policies = try await compiled(try await files(request))
            let problems = control.lint(policies)
            return Wire.answer([
                "digest": .string(policies.digest.hex), "ok": .bool(problems.isEmpty),
                "policies": .integer(Int64(policies.policySet.policies.count)),
                "problems": .array(problems.map(JSON.string)),
                "warnings": .array(policies.warnings.map(JSON.string)),
            ])
        } catch let error as PolicyProblems {
            return Wire.answer([
                "ok": false, "policies": 0, "problems": .array(error.problems.map(JSON.string)),
                "warnings": [],
            ])
        }
    }

    private func compiled(_ files: [PolicyFile]) async throws -> PublishedPolicies {
        let control = control
        return try await control.policyQueue.run {
            try PublishedPolicies(
                files: files, generated: control.generatedFiles(beside: files))
        }
    }

    private func files(_ request: Request) async throws -> [PolicyFile] {
        var reader = try JSONReader(try await Wire.json(request))
        let files = try reader.objects("files").map { element in
            var file = element
            let result = PolicyFile(name: try name(&file), text: try file.string("text"))
            try file.finish()
            return result
        }
        try reader.finish()
        return files
    }

    /// A file's name, which entries and messages repeat.
    private func name(_ file: inout JSONReader) throws -> String {
        let name = try file.string("name")
        guard name.unicodeScalars.count <= 128 else {
            throw CommandError.badRequest(
                code: "value_invalid", "`files`: a name has at most 128 characters")
        }
        return name
    }

    private static func files(_ policies: PublishedPolicies) -> JSON {
        .array(policies.files.map { ["name": .string($0.name), "text": .string($0.text)] })
    }
}
