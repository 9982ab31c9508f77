// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

extension DriftMachine {
    /// All of the state; equal machines have equal canonical bytes.
    package var json: JSON { [:] }

    /// Reads what ``json`` wrote; anything unknown is refused.
    package init(_ json: JSON) throws {
        throw DriftError("body follows")
    }

    /// SHA-256 of the canonical form of ``json``; the ledger commits to it.
    package var digest: Hash256 {
        get throws { .sha256(try json.canonicalBytes()) }
    }
}
