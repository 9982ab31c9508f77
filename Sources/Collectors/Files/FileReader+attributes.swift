// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
internal import DriftCore
internal import Foundation
internal import TransparencyLog

extension FileReader {
    /// Reads extended attributes, access control lists and capabilities of what is open.
    mutating func readAttributes(
        _ descriptor: Int32, isPlace: Bool, _ document: inout FileDocument
    ) -> Outcome {
        if ignoresAttributes {
            document.isBare = false
            return .done
        }
        let length = clinux_attributes(
            descriptor, isPlace ? 1 : 0, attributes.baseAddress, attributes.count)
        switch length {
        case 0, -Int(ENOTSUP), -Int(ENOSYS): return .done
        case ..<0: return Self.failed("names of its extended attributes", length)
        default: break
        }
        document.isBare = false
        let names = attributes[..<length].split(separator: 0).map(Array.init)
        for name in names {
            let outcome = readAttribute(name, of: descriptor, isPlace: isPlace, &document)
            guard case .done = outcome else { return outcome }
        }
        document.extended.sort { UTF8Bytes.precedesInUTF16($0.name, $1.name) }
        return .done
    }

    var ignoresAttributes: Bool { reading.options.attributes.isDisjoint(with: .kept) }

    private mutating func readAttribute(
        _ name: [UInt8], of descriptor: Int32, isPlace: Bool, _ document: inout FileDocument
    ) -> Outcome {
        let length = (name + [0]).withUnsafeBytes { text in
            text.assumingMemoryBound(to: CChar.self).baseAddress.map {
                clinux_attribute(
                    descriptor, isPlace ? 1 : 0, $0, attributes.baseAddress, attributes.count)
            } ?? 0
        }
        if length == -Int(ENODATA) { return .again }
        guard length >= 0 else {
            let shown = String(decoding: FilePath.encoded(name), as: UTF8.self)
            return Self.failed("extended attribute `\(shown)`", length)
        }
        let value = UnsafeRawBufferPointer(rebasing: attributes[..<length])
        switch String(decoding: FilePath.encoded(name), as: UTF8.self) {
        case "system.posix_acl_access": document.acl = AccessList.text(value)
        case "system.posix_acl_default": document.defaultACL = AccessList.text(value)
        case "security.capability": document.capabilities = FileCapabilities.text(value)
        case let name:
            let digest = SHA256.hash(data: value).withUnsafeBytes { Hash256(raw: $0) }
            document.extended.append((name, digest))
        }
        return .done
    }

    private static func failed(_ what: String, _ code: Int) -> Outcome {
        let cause: CoverageGap.Cause =
            code == -Int(E2BIG) || code == -Int(ERANGE) ? .tooLarge : .unreadable
        return .gap(cause, "\(what): \(OpenFolder.failure(Int32(code)))")
    }
}

/// A value that does not have the form it should have, so that a change of it still shows.
private func digestText(_ value: UnsafeRawBufferPointer) -> String {
    "sha256:" + SHA256.hash(data: value).withUnsafeBytes { Hash256(raw: $0) }.hex
}

/// POSIX access control lists as the kernel hands them out (`posix_acl_xattr.h`, version 2).
enum AccessList {
    /// `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`; owners by number, because names
    /// come from files that may be what changed.
    static func text(_ value: UnsafeRawBufferPointer) -> String {
        guard value.count >= 4, (value.count - 4) % 8 == 0,
            UInt32(littleEndian: value.loadUnaligned(as: UInt32.self)) == 2
        else { return digestText(value) }
        var parts: [String] = []
        for offset in stride(from: 4, to: value.count, by: 8) {
            let tag = UInt16(
                littleEndian: value.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let bits = UInt16(
                littleEndian: value.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self))
            let id = UInt32(
                littleEndian: value.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
            let who: String
            switch tag {
            case 0x01: who = "user:"
            case 0x02: who = "user:\(id)"
            case 0x04: who = "group:"
            case 0x08: who = "group:\(id)"
            case 0x10: who = "mask:"
            case 0x20: who = "other:"
            default: return digestText(value)
            }
            guard bits < 8 else { return digestText(value) }
            parts.append(
                "\(who):\(bits & 4 != 0 ? "r" : "-")\(bits & 2 != 0 ? "w" : "-")"
                    + (bits & 1 != 0 ? "x" : "-"))
        }
        return parts.joined(separator: ",")
    }
}

/// File capabilities (`linux/capability.h`, revisions 2 and 3).
enum FileCapabilities {
    private static let names = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid",
        "setuid", "setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin",
        "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
        "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource",
        "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control",
        "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend",
        "audit_read", "perfmon", "bpf", "checkpoint_restore",
    ]

    /// `cap_net_raw,cap_net_admin=ep`, sets with the same flags together, and ` rootid=N` where
    /// they hold in a user namespace only.
    static func text(_ value: UnsafeRawBufferPointer) -> String {
        guard value.count == 20 || value.count == 24 else { return digestText(value) }
        func word(_ index: Int) -> UInt64 {
            UInt64(
                UInt32(
                    littleEndian: value.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
        }
        let magic = word(0)
        guard magic & 0x00FF_FFFE == 0, magic >> 24 == (value.count == 20 ? 2 : 3) else {
            return digestText(value)
        }
        let isEffective = magic & 1 == 1
        let permitted = word(1) | word(3) << 32
        let inheritable = word(2) | word(4) << 32
        var groups: [(flags: String, names: [String])] = []
        for bit in 0..<64 {
            var flags = ""
            if isEffective, (permitted | inheritable) >> UInt64(bit) & 1 == 1 { flags += "e" }
            if inheritable >> UInt64(bit) & 1 == 1 { flags += "i" }
            if permitted >> UInt64(bit) & 1 == 1 { flags += "p" }
            if flags.isEmpty { continue }
            let name = "cap_" + (bit < names.count ? names[bit] : "\(bit)")
            if let index = groups.firstIndex(where: { $0.flags.utf8.elementsEqual(flags.utf8) }) {
                groups[index].names.append(name)
            } else {
                groups.append((flags, [name]))
            }
        }
        var text = groups.map { "\($0.names.joined(separator: ","))=\($0.flags)" }
            .joined(separator: " ")
        // An empty set with the effective flag is not the same as none.
        if groups.isEmpty { text = isEffective ? "=e" : "=" }
        if value.count == 24 { text += " rootid=\(word(5))" }
        return text
    }
}
