# SPDX-License-Identifier: Apache-2.0
"""A server in a folder of its own, people with passkeys made of software, and sealing it.

For referees in Python; needs the package `cryptography`.
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("EXEQUATUR_BIN") or str(ROOT / ".build/debug/exequatur")


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a problem; `none` where it is none."""
        try:
            return self.json().get("code", "none") if self.status >= 400 else "none"
        except (ValueError, AttributeError):
            return "none"


class Server:
    """`exequatur serve` with a new data folder."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.connection = None
        self.log = open(self.folder / "serve.log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}",
             *options], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.call("GET", "/readyz").status == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the server did not start: see serve.log")
            time.sleep(0.1)
        self.admin = (self.data / "admin.token").read_text().strip()

    def stop(self):
        """Asks the server to end; its status, or None where it did not end by itself."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.log.close()
        return status

    def fsck(self):
        done = subprocess.run(
            [PROGRAM, "fsck", "--data", str(self.data)], capture_output=True, text=True)
        return done.returncode == 0, (done.stdout + done.stderr)[-2000:]

    def run(self, *arguments, token=None):
        environment = {**os.environ, "EXEQUATUR_URL": self.url}
        environment["EXEQUATUR_TOKEN"] = token or self.admin
        return subprocess.run(
            [PROGRAM, *arguments], capture_output=True, text=True, env=environment)

    # One connection for everything that is sent in turn.
    def send(self, method, path, body=None, headers=None):
        """Sends bytes; once more on a new connection where the server has closed the old one."""
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise

    def call(self, method, path, body=None, token=None, **headers):
        """Sends JSON with a token; further headers with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            fields.setdefault("Content-Type", "application/json")
        return self.send(method, path, data, fields)

    def must(self, method, path, body=None, token=None, **headers):
        """The same for what has to succeed; its JSON."""
        answer = self.call(method, path, body, token or self.admin, **headers)
        if not 200 <= answer.status < 300:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer.json() if answer.body else None

    def link(self, person, token=None):
        made = self.must("POST", f"/v1/persons/{person}/link", token=token)
        return made["signInLink"].split("token=")[1]


class Passkey:
    """What an authenticator and a browser do."""

    def __init__(self, server):
        self.origin = server.url
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)

    def _client(self, kind, challenge):
        return json.dumps({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False,
        }).encode()

    def registration(self, options):
        numbers = self.key.public_key().public_numbers()
        cose = (bytes([0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20])
                + numbers.x.to_bytes(32, "big") + bytes([0x22, 0x58, 0x20])
                + numbers.y.to_bytes(32, "big"))
        data = (hashlib.sha256(b"localhost").digest() + bytes([0x45, 0, 0, 0, 0]) + bytes(16)
                + len(self.id).to_bytes(2, "big") + self.id + cose)
        item = (b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x58" + bytes([len(data)]) + data)
        return {"attestationObject": encode(item),
                "clientDataJSON": encode(self._client("webauthn.create", options["challenge"]))}

    def assertion(self, options):
        data = hashlib.sha256(b"localhost").digest() + bytes([0x05, 0, 0, 0, 0])
        client = self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return {"authenticatorData": encode(data), "clientDataJSON": encode(client),
                "credentialId": encode(self.id), "signature": encode(signature)}


class Browser:
    """Somebody at the console: a cookie, pages and forms."""

    def __init__(self, server):
        self.server = server
        self.cookie = None

    def get(self, path):
        headers = {"Cookie": self.cookie} if self.cookie else {}
        return self.server.send("GET", path, None, headers)

    def post(self, path, **form):
        """Sends a form without the session's token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        answer = self.server.send("POST", path, urllib.parse.urlencode(form).encode(), headers)
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            self.cookie = cookie.split(";")[0]
        return answer

    @staticmethod
    def field(page, name):
        """The value of the first hidden field of this name; None where there is none."""
        for tag in re.findall(r"<input[^>]*>", page.text):
            if f'name="{name}"' in tag:
                found = re.search(r'value="([^"]*)"', tag)
                return found and found[1]
        return None

    def act(self, path, page="/account", **form):
        """Sends a form of a page, with the session's token as it stands there."""
        shown = self.get(page)
        fields = {name: self.field(shown, name) for name in ("csrf", "expect", "rendering")}
        fields = {name: value for name, value in fields.items() if value}
        return self.post(path, **{**fields, **form})

    def use_link(self, secret):
        answer = self.post("/console/sign-in", token=secret)
        if answer.status != 303 or not self.cookie:
            raise SystemExit(f"the link does not sign in: {answer.status}")
        return self

    def enrol(self):
        passkey = Passkey(self.server)
        options = self.act("/console/account/passkeys/options").json()["publicKey"]
        answer = self.act("/console/account/passkeys",
                          answer=json.dumps(passkey.registration(options)))
        if answer.status != 303:
            raise SystemExit(f"no passkey: {answer.status} {answer.text[:300]}")
        return passkey

    def sign_in(self, passkey):
        options = self.post("/console/sign-in/passkey/options").json()["publicKey"]
        answer = self.post("/console/sign-in/passkey",
                           answer=json.dumps(passkey.assertion(options)))
        if answer.status != 303:
            raise SystemExit(f"no sign-in: {answer.status} {answer.text[:300]}")
        return self

    def decide(self, action, decision="approve", reason="seen"):
        return self.act(f"/console/actions/{action}/decide", f"/actions/{action}",
                        decision=decision, reason=reason)

    def decide_signed(self, action, passkey, decision="approve"):
        """Decides with a signature; for a referee that has the very key."""
        page = f"/actions/{action}"
        asked = self.act(f"/console{page}/passkey-options", page, decision=decision)
        if asked.status != 200:
            return asked
        answer = json.dumps(passkey.assertion(asked.json()["publicKey"]))
        return self.act(f"/console{page}/decide-passkey", page, decision=decision, reason="seen",
                        nonce=asked.json()["nonce"], answer=answer)


def seal(server, administrators):
    """Gives each of them a passkey, asks for the seal, and has the first two confirm it.

    Gives the passkeys by person."""
    passkeys = {}
    for person in administrators:
        passkeys[person] = Browser(server).use_link(server.link(person)).enrol()
    done = server.run("seal", "--recovery-key-file", str(server.folder / "recovery.key"))
    if done.returncode != 0:
        raise SystemExit(f"seal: {done.stdout}{done.stderr}")
    for person in administrators[:2]:
        browser = Browser(server).sign_in(passkeys[person])
        answer = browser.act("/console/seal", "/seal")
        if answer.status != 303:
            raise SystemExit(f"no confirmation: {answer.status} {answer.text[:300]}")
    if server.call("GET", "/v1/whoami", token=server.admin).status != 401:
        raise SystemExit("it is not sealed: `admin.token` lives")
    return passkeys
