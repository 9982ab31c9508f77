# SPDX-License-Identifier: Apache-2.0
"""What a gate keeps between runs, in a directory that only its account can enter.

The files are those of ``exequatur run``, so that both can share one directory:

- ``digest.key``: the key under which values that are not shown are digested
- ``keys/FINGERPRINT``: the log key of that fingerprint
- ``pins/FINGERPRINT``: the newest tree head seen of that log
- ``nonces/XX``: every nonce on which something was executed
- ``reports/ACTION``: outcomes that could not be reported yet
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from . import log
from .errors import NonceUsed, StateError

__all__ = ["GateState", "default_directory"]

_NONCE = re.compile(rb"[0-9a-f]{64}")
# `~` ends a line that a crash cut short; nothing was executed on it.
_LINE = re.compile(rb"[0-9a-f]{64} [A-Za-z0-9_]{1,128}|[0-9A-Za-z_ ]*~")
_ACTION = re.compile(r"act_[A-Za-z0-9_]{1,124}", re.ASCII)
_MAX_NONCES = 1 << 28
_MAX_REPORTS = 16

_locks_guard = threading.Lock()
_locks: dict[str, threading.Lock] = {}


def default_directory() -> str:
    """``EXEQUATUR_STATE_DIR``, else the place that the system has for such files."""
    given = os.environ.get("EXEQUATUR_STATE_DIR")
    if given and os.path.isabs(given):
        return given
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")
        return os.path.join(base, "exequatur")
    base = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "exequatur")
    return os.path.join(os.path.expanduser("~"), ".local", "state", "exequatur")


class GateState:
    """The directory; making one checks it and creates it with mode 0700 if need be."""

    def __init__(self, directory: str | os.PathLike[str] | None = None):
        path = os.fspath(directory) if directory is not None else default_directory()
        if not os.path.isabs(path):
            raise StateError(
                "the state directory is not an absolute path",
                where=f"`{path}`",
                next_step="set `state_dir` or EXEQUATUR_STATE_DIR to an absolute one",
            )
        self.directory = Path(path)
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("keys", "pins", "nonces", "reports", "run"):
                (self.directory / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"the state directory cannot be made: {_reason(error)}",
                where=f"`{path}`",
                next_step="set `state_dir` or EXEQUATUR_STATE_DIR to another one",
            ) from None
        self._check_owner()

    def _check_owner(self) -> None:
        if sys.platform == "win32":
            return  # Its access lists do not map to modes; the profile directory is private.
        for path in (self.directory, self.directory / "nonces", self.directory / "pins"):
            found = os.stat(path)
            if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise StateError(
                    "somebody else can write to the state directory",
                    where=f"`{path}`",
                    next_step="make it this account's own, mode 0700, or set another one",
                )

    # MARK: the key for values that are not shown

    def digest_key(self) -> bytes:
        """32 bytes that stay on this machine; made the first time."""
        path = self.directory / "digest.key"
        if not path.exists():
            draft = self._draft(path)
            _write(draft, os.urandom(32))
            try:
                # Of two first runs one key wins, whole.
                with contextlib.suppress(FileExistsError):
                    os.link(draft, path)
            except OSError as error:
                raise _cannot("made", path, error) from None
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(draft)
            _sync_directory(self.directory)
        key = _read(path, 64)
        if key is None or len(key) != 32:
            raise StateError(
                "the digest key is damaged",
                where=f"`{path}`",
                next_step="restore it, or remove it to start anew",
            )
        return key

    # MARK: log key and pin

    def log_key(self, fingerprint: str) -> log.VerifierKey | None:
        """The log key of a fingerprint, if it was seen before; checked again on each use."""
        data = _read(self.directory / "keys" / fingerprint, 1_024)
        if data is None:
            return None
        try:
            return log.VerifierKey.trusted(data, fingerprint)
        except log.LogError:
            return None  # A damaged file only means to fetch the key once more.

    def keep_log_key(self, key: log.VerifierKey, fingerprint: str) -> None:
        """Keeps a log key whose fingerprint was checked."""
        self._replace(self.directory / "keys" / fingerprint, key.vkey.encode("utf-8"))

    def pin(self, key: log.VerifierKey, fingerprint: str) -> tuple[bytes, log.Checkpoint] | None:
        """The newest tree head seen, with its note; ``None`` the first time.

        A pin that is there and does not verify is an error: it must not count as none.
        """
        path = self.directory / "pins" / fingerprint
        note = _read(path, log.MAX_NOTE)
        if note is None:
            return None
        try:
            return note, log.verified_checkpoint(note, key)
        except log.LogError as error:
            raise StateError(
                f"the pinned checkpoint does not verify: {error}",
                where=f"`{path}`",
                next_step="find out who changed it",
            ) from None

    def move_pin(
        self, note: bytes, checkpoint: log.Checkpoint, key: log.VerifierKey, fingerprint: str
    ) -> None:
        """Moves the pin forward; an older tree head than the one kept by now changes nothing."""
        with _locked(self.directory / "pins" / ".lock"):
            kept = self.pin(key, fingerprint)
            if kept is None or kept[1].size < checkpoint.size:
                self._replace(self.directory / "pins" / fingerprint, note)

    # MARK: nonces

    def use_nonce(self, nonce: str, action: str) -> None:
        """Records a nonce before anything is executed on it; it is on the disk on return.

        Whoever crashes after that has used up the nonce, whoever crashes before has executed
        nothing. Raises :class:`NonceUsed` for one that is there already.
        """
        raw = nonce.encode("ascii", "replace")
        if not _NONCE.fullmatch(raw) or not _ACTION.fullmatch(action):
            raise StateError("the nonce or the action's id is malformed")
        path = self.directory / "nonces" / nonce[:2]
        with _locked(path) as descriptor:
            used = _read(path, _MAX_NONCES) or b""
            lines = used.split(b"\n")
            torn = lines.pop()
            for number, line in enumerate(lines, 1):
                if not _LINE.fullmatch(line):
                    raise StateError(
                        "the record of used nonces is damaged",
                        where=f"`{path}`, line {number}",
                        next_step="find out who changed it, and restore it",
                    )
            if any(line[:64] == raw for line in (*lines, torn)):
                raise NonceUsed(
                    "the nonce of this claim was used before",
                    where=f"`{path}`",
                    next_step="nothing was executed again; find out who replays claims",
                )
            if torn and not _LINE.fullmatch(torn + b"~"):
                raise StateError(
                    "the record of used nonces is damaged",
                    where=f"`{path}`, its end",
                    next_step="find out who changed it, and restore it",
                )
            line = (b"~\n" if torn else b"") + raw + b" " + action.encode("ascii") + b"\n"
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError("the disk took only a part")
                _sync(descriptor)
            except OSError as error:
                raise _cannot("recorded", path, error) from None
        _sync_directory(path.parent)

    # MARK: reports

    def keep_report(self, body: bytes, action: str) -> None:
        """Keeps an outcome that could not be reported."""
        if _ACTION.fullmatch(action):
            self._replace(self.directory / "reports" / action, body)

    def kept_reports(self) -> list[tuple[str, bytes]]:
        """Outcomes that were kept, a few at a time."""
        found: list[tuple[str, bytes]] = []
        try:
            names = sorted(os.listdir(self.directory / "reports"))
        except OSError:
            return found
        for name in names:
            if len(found) < _MAX_REPORTS and _ACTION.fullmatch(name):
                with contextlib.suppress(StateError):
                    data = _read(self.directory / "reports" / name, 65_536)
                    if data is not None:
                        found.append((name, data))
        return found

    def drop_report(self, action: str) -> None:
        """Forgets a report that was delivered."""
        if _ACTION.fullmatch(action):
            with contextlib.suppress(OSError):
                os.unlink(self.directory / "reports" / action)

    # MARK: files

    def _draft(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.new.{os.getpid()}.{threading.get_ident()}")

    def _replace(self, path: Path, data: bytes) -> None:
        """Replaces a file in one step: after a crash there is the old one or the new, whole."""
        draft = self._draft(path)
        _write(draft, data)
        try:
            os.replace(draft, path)
        except OSError as error:
            raise _cannot("replaced", path, error) from None
        _sync_directory(path.parent)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _cannot(what: str, path: Path, error: OSError) -> StateError:
    return StateError(
        f"a file of the state directory cannot be {what}: {_reason(error)}",
        where=f"`{path}`",
        next_step="see to its owner, its mode and the space on the disk",
    )


def _read(path: Path, limit: int) -> bytes | None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot("read", path, error) from None
    try:
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise _cannot("read", path, error) from None
    if len(data) > limit:
        raise StateError(f"the file has more than {limit} bytes", where=f"`{path}`")
    return data


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())
    except OSError as error:
        raise _cannot("written", path, error) from None


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # There, fsync(2) leaves the data in the drive's own memory.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":
        return  # Directories cannot be opened there; its journal orders them.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _cannot("synced", path, error) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Opens a file for appending and keeps other threads and processes out."""
    with _locks_guard:
        lock = _locks.setdefault(str(path), threading.Lock())
    with lock:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise _cannot("opened", path, error) from None
        try:
            _lock(descriptor, path)
            yield descriptor
        finally:
            os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            # Locks there are on bytes; one far behind the end leaves the data readable.
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise _cannot("locked", path, error) from None
