# SPDX-License-Identifier: Apache-2.0
"""The receivers of webhooks and mail, proven with clients that are not ours."""
import http.client
import smtplib
import ssl
import tempfile
import time
import warnings

from common import equal, raises, require
from mail_receiver import PASSWORD, USER, MailReceiver
from webhook_receiver import PATH, VECTOR, WebhookReceiver, new_secret, sign, verifies

warnings.filterwarnings("ignore", category=DeprecationWarning)


class Proof:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.hooks = WebhookReceiver()
        self.servers = []

    def mail(self, *arguments, **more):
        self.servers.append(MailReceiver(self.folder.name, *arguments, **more))
        return self.servers[-1]

    def post(self, body, headers, seconds=5):
        connection = http.client.HTTPConnection("127.0.0.1", self.hooks.port, timeout=seconds)
        try:
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def close(self):
        self.hooks.stop()
        for server in self.servers:
            server.stop()
        self.folder.cleanup()


def proof_published_vector(proof):
    found = sign(VECTOR["secret"], VECTOR["body"], VECTOR["id"], VECTOR["at"])
    equal(found["webhook-signature"], VECTOR["signature"], "signature")


def proof_signatures_are_checked(proof):
    first, second, body = new_secret(), new_secret(), '{"type":"action.cleared"}'
    headers = sign(first, body, "msg_1")
    more = sign(second, body, "msg_1", int(headers["webhook-timestamp"]))
    both = {**headers, "webhook-signature":
            headers["webhook-signature"] + " " + more["webhook-signature"]}
    equal(proof.post(body, both).status, 204, "status")
    taken = proof.hooks.came()[-1]
    require(verifies(first, taken) and verifies(second, taken), "both secrets verify")
    require(not verifies(new_secret(), taken), "another secret verifies")
    proof.post(body + " ", headers)
    require(not verifies(first, proof.hooks.came()[-1]), "another body verifies")
    proof.post(body, sign(first, body, "msg_2", int(time.time()) - 301))
    require(not verifies(first, proof.hooks.came()[-1]), "an old one verifies")


def proof_receiver_answers_as_told(proof):
    proof.hooks.gone()
    proof.hooks.busy(7)
    proof.hooks.broken()
    found = [proof.post("{}", {}) for _ in range(4)]
    equal([a.status for a in found], [410, 429, 500, 204], "answers")
    equal(found[1].headers["Retry-After"], "7", "Retry-After")
    proof.hooks.hang(1)
    raises(TimeoutError, proof.post, "{}", {}, 0.3)


def send(server, context=None, login=None, implicit=False):
    kind = smtplib.SMTP_SSL if implicit else smtplib.SMTP
    more = {"context": context} if implicit else {}
    with kind("localhost", server.port, timeout=5, **more) as client:
        if context and not implicit:
            client.starttls(context=context)
        if login:
            client.login(*login)
        client.sendmail("a@example.org", ["b@example.org"],
                        "Subject: Review\r\n\r\nhttp://localhost/actions/act_1\r\n")


def proof_mail_without_encryption(proof):
    server = proof.mail()
    send(server)
    equal(server.wait("act_1").subject, "Review", "subject")


def proof_mail_with_starttls_and_login(proof):
    server = proof.mail("starttls", authenticate=True)
    context = ssl.create_default_context(cafile=server.authority_file)
    send(server, context, (USER, PASSWORD))
    require(server.mails[-1].encrypted and server.mails[-1].authenticated, "not protected")
    raises(smtplib.SMTPAuthenticationError, send, server, context, (USER, "wrong"))
    raises(smtplib.SMTPException, send, server)
    raises(ssl.SSLError, send, server, ssl.create_default_context(), (USER, PASSWORD))


def proof_mail_with_tls(proof):
    server = proof.mail("tls")
    send(server, ssl.create_default_context(cafile=server.authority_file), implicit=True)
    require(server.mails[-1].encrypted, "not encrypted")


def proof_mail_refusals(proof):
    server = proof.mail()
    server.replies += ["451 4.3.0 later", "550 5.7.1 never"]
    for code in (451, 550):
        equal(raises(smtplib.SMTPDataError, send, server).smtp_code, code, "refused with")
    send(server)
    equal(len(server.attempts), 3, "attempts")
