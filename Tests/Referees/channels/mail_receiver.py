# SPDX-License-Identifier: Apache-2.0
"""A mail server on loopback, made of aiosmtpd: STARTTLS, AUTH, and a CA of its own."""
import email
import email.policy
import logging
import os
import ssl
import time
import warnings

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from common import free_port, until

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # what clients do is judged here
warnings.filterwarnings("ignore", category=UserWarning, module="aiosmtpd")
USER, PASSWORD = "exequatur", "correct horse"


class Mail:
    """One message that was taken."""

    def __init__(self, envelope, session, encrypted=False):
        self.at = time.time()
        self.sender, self.recipients = envelope.mail_from, list(envelope.rcpt_tos)
        self.encrypted = encrypted or session.ssl is not None
        self.authenticated = bool(session.authenticated)
        self.raw = envelope.original_content
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self):
        return str(self.message["Subject"] or "")

    def part(self, kind):
        found = self.message.get_body((kind,))
        return found.get_content() if found else ""

    @property
    def text(self):
        return self.part("plain")

    @property
    def html(self):
        return self.part("html")


class MailReceiver:
    """`security` is none, starttls or tls; `replies` holds what is answered to the next DATA."""

    def __init__(self, folder, security="none", authenticate=False):
        self.mails, self.replies, self.attempts, self.logins = [], [], [], []
        self.port, self.authenticate = free_port(), authenticate
        self.implicit = security == "tls"
        authority = trustme.CA()
        self.authority_file = os.path.join(folder, f"mail-ca-{self.port}.pem")
        authority.cert_pem.write_to_path(self.authority_file)
        context = None
        if security != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        options = {"tls_context": context, "require_starttls": True} if (
            security == "starttls") else {}
        if authenticate:
            options |= {"authenticator": self._login, "auth_required": True,
                        "auth_require_tls": security == "starttls"}
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, ready_timeout=10,
            ssl_context=context if self.implicit else None, server_hostname="localhost",
            **options)
        self.controller.start()

    def stop(self):
        self.controller.stop(no_assert=True)

    def _login(self, server, session, envelope, mechanism, data):
        name, word = data.login.decode(), data.password.decode()
        self.logins.append((time.time(), mechanism, name, session.ssl is not None))
        if (name, word) == (USER, PASSWORD):
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)

    async def handle_DATA(self, server, session, envelope):
        self.attempts.append(time.time())
        if self.replies:
            return self.replies.pop(0)
        self.mails.append(Mail(envelope, session, self.implicit))
        return "250 2.0.0 taken"

    def found(self, needle="", to=None, since=0.0):
        return [m for m in list(self.mails) if m.at >= since and (
            needle in m.subject or needle in m.text or needle in m.html)
            and (to is None or to in m.recipients)]

    def wait(self, needle, seconds=10, **more):
        return until(lambda: self.found(needle, **more), f"a mail with {needle!r}", seconds)[0]
