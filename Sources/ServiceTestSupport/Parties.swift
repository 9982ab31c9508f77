// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import ControlPlane

/// Parties whose credentials nobody else has seen.
extension Authenticated {
    package static func of(_ principal: Principal) -> Authenticated {
        Authenticated(principal: principal, credential: "test", assurance: .token)
    }

    package static func person(_ id: Handle) -> Authenticated { .of(.person(id)) }
    package static func agent(_ id: Handle) -> Authenticated { .of(.agent(id)) }
}
