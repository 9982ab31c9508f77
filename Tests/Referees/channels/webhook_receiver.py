# SPDX-License-Identifier: Apache-2.0
"""A receiver of Standard Webhooks, and the signing of what integrations send to us.

Signatures are made and checked by the package standardwebhooks, never by code of ours.
"""
import base64
import datetime
import http.client
import json
import secrets
import time
import uuid

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from common import Failure, until
from service import Fault, Service

PATH = "/hooks/exequatur"
VECTOR = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
          "at": 1614265330, "body": '{"test": 2432232314}',
          "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


def new_secret(size=32):
    return "whsec_" + base64.b64encode(secrets.token_bytes(size)).decode()


def sign(secret, body, identifier=None, at=None):
    """The three headers for a body."""
    identifier = identifier or f"msg_{uuid.uuid4().hex}"
    moment = datetime.datetime.fromtimestamp(at or int(time.time()), datetime.timezone.utc)
    signature = Webhook(secret).sign(identifier, moment, body)
    return {"webhook-id": identifier, "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signature}


def verifies(secret, request):
    """Whether a request that came is signed with a secret."""
    try:
        Webhook(secret).verify(request.body, request.headers)
        return True
    except WebhookVerificationError:
        return False


class Reply:
    def __init__(self, status, body, headers):
        self.status, self.headers = status, headers
        self.raw = body
        try:
            self.body = json.loads(body) if body else {}
        except ValueError:
            self.body = {}

    @property
    def code(self):
        return self.body.get("code")


class Integration:
    """The side that sends: signed requests to a channel of kind `integration`."""

    def __init__(self, host, port, channel, secret):
        self.host, self.port, self.channel, self.secret = host, port, channel, secret

    def post(self, what, value, secret=None, change=None, **forged):
        """Signs and sends; `change` sets headers, None in it removes one; `sent` is the body that
        travels in place of the signed one."""
        body = value if isinstance(value, str) else json.dumps(value)
        headers = sign(secret or self.secret, body, forged.get("identifier"), forged.get("at"))
        headers["Content-Type"] = "application/json"
        for name, text in (change or {}).items():
            headers.pop(name, None)
            if text is not None:
                headers[name] = text
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request("POST", f"/channels/{self.channel}/{what}",
                               forged.get("sent", body), headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(),
                         {k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()


class WebhookReceiver(Service):
    """Answers 204, or what it was told to: see `gone`, `busy`, `broken` and `hang`."""

    def routes(self, application):
        application.router.add_post(PATH, self._take)

    @property
    def address(self):
        return self.url + PATH

    async def _take(self, request):
        return web.Response(status=204)

    def gone(self):
        self.fail(PATH, Fault(410))

    def busy(self, seconds, times=1):
        self.fail(PATH, Fault(429, {"Retry-After": str(seconds)}, times=times))

    def broken(self, times=1, status=500):
        self.fail(PATH, Fault(status, times=times))

    def hang(self, seconds):
        self.fail(PATH, Fault(204, delay=seconds))

    def came(self, since=0.0, good=True):
        """Requests, oldest first; only those that were answered with success unless told so."""
        return [r for r in self.asked(PATH, since) if not good or 200 <= r.status < 300]

    def events(self, since=0.0):
        return [json.loads(r.body) for r in self.came(since)]

    def wait_event(self, needle, seconds=10, since=0.0):
        """The first delivery with a text in its body."""
        found = until(lambda: [r for r in self.came(since) if needle.encode() in r.body],
                      f"a webhook with {needle!r}", seconds)
        return found[0]

    def only_signed(self, *keys):
        """Every request must verify with each of the secrets."""
        for request in self.came(good=False):
            for secret in keys:
                if not verifies(secret, request):
                    raise Failure(f"a webhook that does not verify: {request.headers}")
