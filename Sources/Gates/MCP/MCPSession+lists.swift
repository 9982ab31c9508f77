// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization

extension MCPSession {
    /// Shows a list with what may be seen in it; learns from it what is whole and not outdated.
    func show(
        _ message: MCPMessage, id: MCPID, isModern: Bool,
        isCurrent: @escaping @Sendable () -> Bool
    ) async {
        guard let page = MCPToolPage(message) else {
            // An error may be seen; what cannot be read cannot be shown in part.
            let isError = message.member("result") == nil && message.member("error") != nil
            let refusal = MCPRefusal(
                code: -32_603, message: "the server's list cannot be read", id: id)
            return ends.client(isError ? message.bytes : MCPAnswers.error(refusal), id)
        }
        if isCurrent(), page.cursor == nil {
            await gatekeeper.registry.learn(page.tools, unless: { !isCurrent() })
        } else {
            let version = isModern ? "2026-07-28" : nil
            // Where that fails only what was known before is shown.
            try? await gatekeeper.registry.refresh(self, version: version)
        }
        let isVisible = await gatekeeper.visible(to: agent)
        ends.client(page.showing(isModern: isModern, isVisible), id)
    }
}

extension MCPSession: MCPToolSource {
    /// The most pages that are asked for.
    private static let pageLimit = 100

    /// A server that never answers must not hold up every call for ever.
    private func waitForList(_ id: MCPID) async -> End {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard (try? await self.gatekeeper.effects.sleep(.seconds(30))) != nil else {
                    return
                }
                self.machine.withLock { $0.giveUp(injected: id) }
                self.stopWaiting(id)
            }
            let end = await waitForEnd(id)
            group.cancelAll()
            return end
        }
    }

    /// Asks the server for all of its tools, in this session.
    func tools(version: String?) async throws(MCPRefusal) -> [MCPTool] {
        var result: [MCPTool] = []
        var cursor: String?
        for _ in 0..<Self.pageLimit {
            let asked = machine.withLock { $0.list(cursor: cursor, version: version) }
            guard let (id, bytes) = asked, ends.server(bytes) else { break }
            guard case .answer(let message) = await waitForList(id) else { break }
            guard let page = MCPToolPage(message) else {
                throw MCPRefusal(
                    code: -32_603, message: "the server does not list its tools; nothing was called"
                )
            }
            result += page.tools
            guard let next = page.cursor else { return result }
            cursor = next
        }
        throw MCPRefusal(
            code: -32_603, message: "the server's tools cannot be read; nothing was called")
    }
}
