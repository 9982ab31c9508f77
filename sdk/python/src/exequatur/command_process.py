# SPDX-License-Identifier: Apache-2.0
"""A running command and what it writes."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from typing import IO

from .command_request import CommandRequest
from .command_snapshot import Snapshot
from .errors import CommandError

__all__ = ["Child", "Ended"]

#: The most bytes of each output that are kept; the rest is read and dropped.
MAX_CAPTURED = 16_777_216


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    #: As a shell tells it: the exit code, or 128 and the signal.
    exit_code: int
    #: What it wrote, where that was captured.
    stdout: bytes
    stderr: bytes
    #: True when it wrote more than is kept.
    is_truncated: bool


class Child:
    """One process, which another thread may end."""

    def __init__(self, request: CommandRequest, snapshot: Snapshot, action: str, capture: bool):
        self._request = request
        self._snapshot = snapshot
        self._action = action
        self._capture = capture
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False

    def terminate(self) -> None:
        """Sends SIGTERM, or keeps the command from starting."""
        with self._lock:
            self._is_ended = True
            if self._process is not None:
                self._process.terminate()

    def run(self) -> Ended:
        """Starts the command and waits for its end."""
        environment = dict(self._snapshot.environment)
        environment["EXEQUATUR_ACTION_ID"] = self._action
        output = subprocess.PIPE if self._capture else None
        has_input = self._request.stdin is not None
        with self._lock:
            if self._is_ended:
                raise CommandError("the command was cancelled before its start")
            try:
                process = subprocess.Popen(
                    list(self._request.arguments),
                    executable=self._snapshot.program,
                    cwd=self._snapshot.directory,
                    env=environment,
                    stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise CommandError(f"the command did not start: {why}", exit_code=126) from None
            self._process = process
        pumps = [_Pump(stream) for stream in (process.stdout, process.stderr) if stream]
        if process.stdin is not None:
            threading.Thread(
                target=_feed, args=(process.stdin, self._request.stdin or b""), daemon=True
            ).start()
        code = process.wait()
        kept = [pump.result() for pump in pumps] or [(b"", False), (b"", False)]
        return Ended(
            code if code >= 0 else 128 - code,
            kept[0][0],
            kept[1][0],
            kept[0][1] or kept[1][1],
        )


def _feed(stream: IO[bytes], data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except OSError:
        pass  # It does not read its input; that is its own affair.


class _Pump:
    """Reads a stream to its end, and keeps what fits."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self._kept = bytearray()
        self._is_truncated = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := self._stream.read(65_536):
                room = MAX_CAPTURED - len(self._kept)
                self._kept += chunk[:room]
                self._is_truncated = self._is_truncated or len(chunk) > room

    def result(self) -> tuple[bytes, bool]:
        self._thread.join()
        return bytes(self._kept), self._is_truncated
