// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The words of this target, written straight into canonical bytes.
///
/// Every entry of every action passes here; a tree of values per entry would be most of its cost.
extension CanonicalWriter {
    package mutating func hash(_ value: Hash256) { plainString { value.appendHex(to: &$0) } }

    package mutating func hash(_ value: Hash256?) {
        if let value { hash(value) } else { null() }
    }

    package mutating func instant(_ value: Timestamp) { plainString { value.append(to: &$0) } }

    package mutating func instant(_ value: Timestamp?) {
        if let value { instant(value) } else { null() }
    }

    package mutating func string(_ value: String?) {
        if let value { string(value) } else { null() }
    }

    package mutating func int(_ value: Int64?) {
        if let value { int(value) } else { null() }
    }

    package mutating func handles(_ handles: [Handle]) {
        beginArray()
        for handle in handles { string(handle.text) }
        endArray()
    }

    mutating func requester(_ requester: Requester) {
        beginObject()
        key("agent")
        string(requester.agent.text)
        key("credential")
        string(requester.credential)
        key("onBehalfOf")
        string(requester.onBehalfOf?.text)
        key("owner")
        string(requester.owner.text)
        if !requester.shownTo.isEmpty {
            key("shownTo")
            handles(requester.shownTo)
        }
        endObject()
    }

    mutating func gate(_ gate: GateReference) {
        beginObject()
        if let configuration = gate.configuration {
            key("configuration")
            hash(configuration)
        }
        key("enforcing")
        bool(gate.enforcing)
        key("id")
        string(gate.id.text)
        endObject()
    }
}
