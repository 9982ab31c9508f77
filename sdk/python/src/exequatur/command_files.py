# SPDX-License-Identifier: Apache-2.0
"""Regular files by content, as far as a command depends on them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from dataclasses import dataclass
from typing import Any

from .errors import CommandError

__all__ = ["BoundFile", "shebang", "shown_text", "unreadable"]

#: The most bytes of a text that reviewers are shown.
MAX_SHOWN = 65_536
#: The most bytes of a script.
MAX_SCRIPT = 8_388_608
#: The most bytes of any other file that is bound.
MAX_FILE = 1_073_741_824


@dataclass(frozen=True)
class BoundFile:
    """A regular file and what was in it."""

    path: str
    digest: str
    size: int
    #: The bytes, where they are few enough.
    data: bytes | None
    head: bytes

    @staticmethod
    def open(given: str, directory: str, limit: int = MAX_FILE) -> BoundFile:
        """Reads and hashes a file; raises :class:`CommandError`."""
        try:
            path = os.path.realpath(os.path.join(directory, given), strict=True)
            return BoundFile.read(path, limit)
        except OSError as error:
            raise unreadable(given, error) from None

    @staticmethod
    def read(path: str, limit: int) -> BoundFile:
        """Reads and hashes the file at a path without links; raises ``OSError``."""
        # Non-blocking, so that a FIFO in the file's place cannot hold the gate up.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise OSError(0, "not a regular file")
            if before.st_size > limit:
                raise OSError(0, f"larger than {limit} bytes")
            digest = hashlib.sha256()
            size = 0
            head = b""
            kept: bytearray | None = bytearray() if before.st_size <= MAX_SCRIPT else None
            while chunk := file.read(262_144):
                digest.update(chunk)
                head = head or chunk[:4_096]
                size += len(chunk)
                if size > limit:
                    raise OSError(0, "grows while it is read")
                if kept is not None:
                    kept += chunk
            after = os.fstat(file.fileno())
        if size != before.st_size or (before.st_mtime_ns, before.st_size) != (
            after.st_mtime_ns,
            after.st_size,
        ):
            raise OSError(0, "changed while it was hashed, try again")
        data = bytes(kept) if kept is not None else None
        return BoundFile(path, f"sha256:{digest.hexdigest()}", size, data, head)

    @property
    def is_binary(self) -> bool:
        """True for what the system starts by itself: ELF, Mach-O, PE."""
        magic = (
            b"\x7fELF",
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
        )
        return self.head.startswith(magic) or (
            sys.platform == "win32" and self.head.startswith(b"MZ")
        )

    def json(self, *, show: bool = False, kind: bool = False) -> dict[str, Any]:
        """As it stands in the input, with its text where that is asked for and possible."""
        found: dict[str, Any] = {"digest": self.digest, "path": self.path, "size": self.size}
        if show and self.data is not None and self.size <= MAX_SHOWN:
            text = shown_text(self.data)
            if text is not None:
                found["text"] = text
        if kind:
            if self.head.startswith(b"\x7fELF"):
                found["kind"] = "elf"
            else:
                found["kind"] = "script" if shebang(self.head) else "other"
        return found


def shebang(head: bytes) -> tuple[str, str | None] | None:
    """Interpreter and argument of a script's first line, as Linux reads it."""
    end = head[:256].find(b"\n")
    if not head.startswith(b"#!") or end < 0 or b"\0" in head[:end]:
        return None
    try:
        words = head[2:end].decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        return None
    found = re.match(r"([^ \t]*)[ \t]*(.*)\Z", words, re.DOTALL)
    if found is None or not found[1].startswith("/"):
        return None
    return found[1], found[2] or None


def shown_text(data: bytes) -> str | None:
    """The bytes as text, where they are text that can be shown."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def unreadable(path: str, error: OSError) -> CommandError:
    """The error for a path that cannot be read, in place of that of the system."""
    return CommandError(f"`{path}` cannot be bound: {(error.strerror or str(error)).lower()}")
