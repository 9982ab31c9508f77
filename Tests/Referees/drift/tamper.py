#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the cases do that no shell command does everywhere: python3 tamper.py VERB PATH ..."""
import mmap
import os
import struct
import sys


def acl(path, name, *entries):
    """Sets an access control list: tag:permissions:id, tags as in posix_acl_xattr.h."""
    value = struct.pack("<I", 2)
    for entry in entries:
        tag, permissions, number = entry.split(":")
        value += struct.pack("<HHI", int(tag, 16), int(permissions), int(number) % 2**32)
    os.setxattr(path, name, value)


def capability(path, permitted, effective):
    value = struct.pack("<IIIII", 0x02000000 | int(effective), int(permitted, 16), 0, 0, 0)
    os.setxattr(path, "security.capability", value)


def set_attribute(path, name, value):
    os.setxattr(path, name, value.encode(), follow_symlinks=False)


def drop_attribute(path, name):
    os.removexattr(path, name, follow_symlinks=False)


def write_mapped(path, offset, text):
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[int(offset):int(offset) + len(text)] = text.encode()


def make(name, text=""):
    """Makes a file whose name is given as hexadecimal digits, for names that are no text."""
    with open(bytes.fromhex(name), "w") as file:
        file.write(text)


def socket(path):
    import socket as sockets
    sockets.socket(sockets.AF_UNIX).bind(path)


VERBS = {
    "acl": acl, "capability": capability, "xset": set_attribute, "xdel": drop_attribute,
    "mapped": write_mapped, "make": make, "socket": socket,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
