#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for GitHub's token issuer and runner, to try the workflow without GitHub.

    local-issuer.py FOLDER [PORT]

Makes keys in FOLDER, listens on loopback only, prints its address, and writes to FOLDER/runner.env
what a runner gives to a job with `permissions: id-token: write`. The claims of its tokens are those
of CLAIMS below, changed by FOLDER/claims.json if that is there.

Start the server with `exequatur serve --allow-loopback-issuers`; that is for tests only. Signs with
the openssl command. `POST /mint` makes tokens that are wrong on purpose.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.parse

# The shape of GitHub's claims in the form of 2026, with numbers in the subject.
CLAIMS = {
    "sub": "repo:octo-org@1001/app@74:environment:production",
    "environment": "production",
    "repository": "octo-org/app",
    "repository_id": "74",
    "repository_owner": "octo-org",
    "repository_owner_id": "1001",
    "job_workflow_ref": "octo-org/app/.github/workflows/deploy.yml@refs/heads/main",
    "workflow_ref": "octo-org/app/.github/workflows/deploy.yml@refs/heads/main",
    "ref": "refs/heads/main",
    "sha": "0b7a3c1d2e4f5061728394a5b6c7d8e9f0a1b2c3",
    "event_name": "push",
    "actor": "octocat",
    "actor_id": "583231",
    "run_id": "4711",
    "run_attempt": "1",
    "runner_environment": "self-hosted",
}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(
        ("openssl",) + arguments, input=data, check=True, capture_output=True
    ).stdout


class Keys:
    """Two key pairs that are published, and one that is not."""

    def __init__(self, folder):
        self.path = {name: os.path.join(folder, f"{name}.pem") for name in ("rsa", "ec", "other")}
        for name in ("rsa", "other"):
            self.make(name, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        self.make("ec", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        modulus = openssl("rsa", "-in", self.path["rsa"], "-noout", "-modulus").decode()
        point = openssl("pkey", "-in", self.path["ec"], "-pubout", "-outform", "DER")[-64:]
        self.public = [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": "rsa",
                "n": encode(bytes.fromhex(modulus.strip().split("=")[1])),
                "e": "AQAB",
            },
            {
                "kty": "EC",
                "use": "sig",
                "crv": "P-256",
                "kid": "ec",
                "x": encode(point[:32]),
                "y": encode(point[32:]),
            },
        ]

    def make(self, name, *kind):
        if not os.path.exists(self.path[name]):
            temporary = self.path[name] + ".new"
            openssl("genpkey", *kind, "-out", temporary)
            os.rename(temporary, self.path[name])

    def sign(self, name, data):
        if name == "none":
            return b""
        if name == "public-key-as-secret":
            secret = openssl("pkey", "-in", self.path["rsa"], "-pubout")
            return hmac.new(secret, data, hashlib.sha256).digest()
        signature = openssl("dgst", "-sha256", "-sign", self.path[name], data=data)
        return raw(signature) if name == "ec" else signature


def raw(der):
    """The two numbers of an ECDSA signature in 32 bytes each (RFC 7518 section 3.4)."""
    numbers, rest = [], der[2:]
    for _ in range(2):
        length = rest[1]
        numbers.append(int.from_bytes(rest[2 : 2 + length], "big").to_bytes(32, "big"))
        rest = rest[2 + length :]
    return b"".join(numbers)


class Handler(http.server.BaseHTTPRequestHandler):
    issuer = keys = secret = folder = None

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        if path.path == "/.well-known/openid-configuration":
            self.answer({"issuer": self.issuer, "jwks_uri": self.issuer + "/.well-known/jwks"})
        elif path.path == "/.well-known/jwks":
            self.answer({"keys": self.keys.public})
        elif path.path == "/runner/token":
            if self.headers.get("authorization") != f"bearer {self.secret}":
                self.answer({"message": "not this job"}, 401)
                return
            audience = urllib.parse.parse_qs(path.query).get("audience", [""])[0]
            self.answer({"count": 1, "value": self.mint({"claims": {"aud": audience}})})
        else:
            self.answer({"message": "there is nothing here"}, 404)

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        order = json.loads(self.rfile.read(length))
        if self.path == "/mint":
            self.answer({"value": self.mint(order)})
        else:
            self.answer({"message": "there is nothing here"}, 404)

    def mint(self, order):
        now = int(time.time())
        claims = dict(CLAIMS, iss=self.issuer, jti=secrets.token_hex(16))
        claims.update(iat=now, nbf=now - 300, exp=now + 300)
        changes = os.path.join(self.folder, "claims.json")
        if os.path.exists(changes):
            with open(changes, encoding="utf-8") as file:
                claims.update(json.load(file))
        claims.update(order.get("claims", {}))
        # `null` removes a claim; times may be given as seconds from now.
        claims = {name: value for name, value in claims.items() if value is not None}
        for name, seconds in order.get("times", {}).items():
            claims[name] = now + seconds
        header = {"typ": "JWT", "alg": "RS256", "kid": "rsa"}
        header.update(order.get("header", {}))
        # Text that is put before the last brace, to have a member twice.
        text = json.dumps(claims)[:-1] + order.get("append", "") + "}"
        signed = encode(json.dumps(header).encode()) + "." + encode(text.encode())
        signature = self.keys.sign(order.get("key", "rsa"), signed.encode())
        return signed + "." + encode(signature)

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, mode=0o700, exist_ok=True)
    port = int(sys.argv[2]) if len(sys.argv) == 3 else 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    Handler.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    Handler.keys = Keys(folder)
    Handler.secret = secrets.token_hex(16)
    Handler.folder = folder
    temporary = os.path.join(folder, "runner.env.new")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(f"ACTIONS_ID_TOKEN_REQUEST_URL={Handler.issuer}/runner/token?api-version=2.0\n")
        file.write(f"ACTIONS_ID_TOKEN_REQUEST_TOKEN={Handler.secret}\n")
    os.rename(temporary, os.path.join(folder, "runner.env"))
    print(Handler.issuer, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
