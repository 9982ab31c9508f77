# SPDX-License-Identifier: Apache-2.0
"""The server over HTTP, with nothing but the standard library.

Redirects are not followed: a token goes to the address it is meant for and nowhere else. Every
exchange has one deadline over all of it, and an answer a largest size.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import urllib.parse
from dataclasses import dataclass

from .errors import ConfigurationError
from .tokens import Token

__all__ = ["Cancellation", "HTTPTransport", "Request", "Response", "TransportFailure"]

#: The most bytes of an answer.
MAX_ANSWER = 4_194_304
_CONNECT_SECONDS = 5.0
_MOST_IDLE = 4


@dataclass(frozen=True)
class Request:
    """One request of a gate to the server."""

    method: str
    path: str
    body: bytes | None = None
    #: How long all of it may take.
    seconds: float = 10.0
    #: Tiles and keys are public; tokens are sent only where they are asked for.
    is_authenticated: bool = True


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status."""

    status: int
    body: bytes
    #: Seconds of a ``Retry-After``, where there is one.
    retry_after: int | None = None


class TransportFailure(Exception):
    """No answer came: the server could not be reached, fell silent, or said too much."""


class Cancellation:
    """Ends an exchange from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self.reason: str | None = None

    def cancel(self, reason: str) -> None:
        """Closes the connection, whatever it is waiting for."""
        with self._lock:
            self.reason = self.reason or reason
            if self._connection is not None:
                _shut(self._connection)

    def attach(self, connection: http.client.HTTPConnection | None) -> None:
        """Names the connection to close."""
        with self._lock:
            self._connection = connection
            if self.reason is not None and connection is not None:
                _shut(connection)


class HTTPTransport:
    """Connections to one server; may be used from several threads."""

    def __init__(
        self,
        url: str,
        token: Token,
        gate_token: Token | None,
        *,
        insecure: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ):
        parts = _address(url)
        self.base = url.rstrip("/")
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        if not self._is_tls and not insecure and not _is_loopback(self._host):
            raise ConfigurationError(
                f"the token would travel unencrypted to `{self._host}`",
                where="`url` or EXEQUATUR_URL",
                next_step="use https, or `insecure=True` on a network you trust",
            )
        self._port = parts.port or (443 if self._is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._gate_token = gate_token
        self._context = ssl_context
        if self._is_tls and self._context is None:
            self._context = ssl.create_default_context()
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes connections that are kept for later."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def send(self, request: Request, cancellation: Cancellation | None = None) -> Response:
        """Sends one request and reads the whole answer; raises :class:`TransportFailure`."""
        cancellation = cancellation or Cancellation()
        # One deadline for all: a server that sends a byte now and then must not hold it up.
        watchdog = threading.Timer(
            request.seconds, cancellation.cancel, [f"no answer within {request.seconds:.0f} s"]
        )
        watchdog.daemon = True
        watchdog.start()
        connection = self._take()
        try:
            cancellation.attach(connection)
            if connection.sock is None:
                connection.connect()
                cancellation.attach(connection)
            connection.sock.settimeout(request.seconds)
            response = self._exchange(connection, request)
            # From here on nobody may close what the next request uses.
            cancellation.attach(None)
            if cancellation.reason is not None:
                # A connection that is closed in the middle can look like a short answer.
                raise TransportFailure(cancellation.reason)
        except (OSError, http.client.HTTPException, ValueError, TransportFailure) as error:
            cancellation.attach(None)
            connection.close()
            why = cancellation.reason or _words(error)
            raise TransportFailure(f"`{self.base}` does not answer: {why}") from None
        except BaseException:
            cancellation.attach(None)
            connection.close()
            raise
        finally:
            watchdog.cancel()
        self._give_back(connection)
        return response

    def _exchange(
        self, connection: http.client.HTTPConnection, request: Request
    ) -> Response:
        headers = {"Accept": "application/json", "User-Agent": "exequatur-python"}
        if request.is_authenticated:
            headers["Authorization"] = f"Bearer {self._token.secret}"
            if self._gate_token is not None:
                headers["Exequatur-Gate-Token"] = self._gate_token.secret
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(
            request.method, self._prefix + request.path, body=request.body, headers=headers
        )
        answer = connection.getresponse()
        length = answer.length
        if length is not None and length > MAX_ANSWER:
            raise TransportFailure(f"an answer of {length} bytes is more than {MAX_ANSWER}")
        body = answer.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise TransportFailure(f"the answer has more than {MAX_ANSWER} bytes")
        if length is not None and len(body) != length:
            raise TransportFailure("the answer broke off")
        after = answer.getheader("Retry-After", "")
        retry = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else None
        if answer.will_close or not answer.isclosed():
            connection.close()
        return Response(answer.status, body, retry)

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if _is_quiet(connection):
                    return connection
                connection.close()
        if self._is_tls:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=_CONNECT_SECONDS, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_SECONDS)

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if connection.sock is not None and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _address(url: str) -> urllib.parse.SplitResult:
    where = "`url` or EXEQUATUR_URL"
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urllib.parse.SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "this is not a server address",
            where=where,
            next_step="write it like `http://127.0.0.1:8420`",
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "the address has more than scheme, host, port and path",
            where=where,
            next_step="tokens go into `token` or EXEQUATUR_TOKEN",
        )
    if any(c <= " " or c == "\x7f" for c in url):
        raise ConfigurationError("the address has white space", where=where)
    return parts


def _is_loopback(host: str) -> bool:
    if host in ("localhost", "::1"):
        return True
    octets = host.split(".")
    return (
        len(octets) == 4
        and octets[0] == "127"
        and all(o.isascii() and o.isdigit() and int(o) < 256 for o in octets)
    )


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """False when the other end has closed a kept connection, or sent what nobody asked for."""
    if connection.sock is None:
        return False
    try:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(connection.sock, select.POLLIN)
            return not poll.poll(0)
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False


def _shut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    if isinstance(error, TransportFailure):
        return str(error)
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, http.client.HTTPException):
        return "what came is not HTTP" if not isinstance(
            error, http.client.RemoteDisconnected
        ) else "the connection was closed"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).lower()
