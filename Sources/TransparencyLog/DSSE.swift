// SPDX-License-Identifier: Apache-2.0

/// The pre-authentication encoding of the Dead Simple Signing Envelope, DSSE v1.0.2.
public enum DSSE {
    /// Returns the bytes that are signed for a payload and its type:
    /// `DSSEv1 SP LEN(type) SP type SP LEN(payload) SP payload`, lengths in decimal bytes.
    public static func pae(type: String, payload: [UInt8]) -> [UInt8] {
        var bytes = Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8)
        bytes.append(contentsOf: payload)
        return bytes
    }
}
