# SPDX-License-Identifier: Apache-2.0
"""A server with people, an agent and policies, and a browser with a virtual authenticator."""
import base64
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.environ.get("EXEQUATUR_BIN") or os.path.join(ROOT, ".build/debug/exequatur")
POLICIES = """
@id("commands") permit (principal is Agent, action in Action::"command", resource);

@id("signed") @review("reviewers") @assurance("passkey") @reason("a person signs it himself")
forbid (principal, action in Action::"command", resource);
"""


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`exequatur serve` in a folder, with reviewer `rita` and agent `deploy-bot` of `olaf`."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = open(os.path.join(folder, "serve.log"), "wb")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/sign-in", timeout=5).read()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the server did not start: see serve.log") from None
                time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def run(self, *arguments, token=True, allowed=(0,)):
        command = [PROGRAM, *arguments]
        if token:
            command += ["--token-file", os.path.join(self.data, "admin.token")]
        environment = {**os.environ, "EXEQUATUR_URL": self.url}
        environment.pop("EXEQUATUR_TOKEN", None)
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode not in allowed:
            raise SystemExit(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def populate(self, text=POLICIES):
        policies = os.path.join(self.folder, "policies")
        os.makedirs(policies)
        with open(os.path.join(policies, "10-signed.cedar"), "w", encoding="utf-8") as file:
            file.write(text)
        self.run("person", "add", "rita", "--group", "reviewers")
        self.run("person", "add", "olaf")
        agent = self.run("agent", "add", "deploy-bot", "--owner", "olaf", "--json").stdout
        self.agent_token = re.search(r'"token"\s*:\s*"([^"]+)"', agent).group(1)
        self.run("policy", "publish", policies)

    def link(self, person):
        text = self.run("person", "link", person, "--json").stdout
        return re.search(r'"signInLink"\s*:\s*"([^"]+)"', text).group(1)

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(
            self.url + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.agent_token}",
                     "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def submit(self, name):
        return self.call("POST", "/v1/actions", {"operation": {
            "action": "command.run", "input": {"argv": ["deploy", name]},
            "resource": {"type": "Host", "id": "web1"}}})["id"]

    def state(self, action):
        return self.call("GET", f"/v1/actions/{action}")["state"]


class ElsewhereHandler(http.server.BaseHTTPRequestHandler):
    """A page of somebody else, on another port of the same host: another origin, the same RP ID."""

    def do_GET(self):
        body = b"<!doctype html><title>elsewhere</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Elsewhere:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ElsewhereHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://localhost:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()


# What the console's script does, for pages that are not ours and answers that are to be spoilt.
GET = """async (options) => {
  const bytes = (text) => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const made = await navigator.credentials.get({ publicKey: {
    ...options, challenge: bytes(options.challenge),
    allowCredentials: options.allowCredentials.map((c) => ({ ...c, id: bytes(c.id) })) } });
  return { authenticatorData: text(made.response.authenticatorData),
           clientDataJSON: text(made.response.clientDataJSON), credentialId: text(made.rawId),
           signature: text(made.response.signature) };
}"""


class Browser:
    """One tab with a virtual authenticator that verifies its user."""

    def __init__(self, playwright, server):
        self.server = server
        self.browser = playwright.chromium.launch(
            executable_path=os.environ.get("EXEQUATUR_CHROMIUM") or "/usr/bin/chromium",
            args=["--no-sandbox"])
        self.context = self.browser.new_context()
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.messages = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.devtools = self.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        self.authenticator = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True}})["authenticatorId"]

    def credentials(self):
        return self.devtools.send(
            "WebAuthn.getCredentials", {"authenticatorId": self.authenticator})["credentials"]

    def open(self, path):
        return self.page.goto(self.server.url + path)

    def field(self, name):
        return self.page.locator(f"input[name={name}]").first.get_attribute("value")

    def sign_in(self, link):
        self.page.goto(link)
        self.page.get_by_role("button", name=re.compile("^Sign in as")).click()
        self.page.wait_for_url(self.server.url + "/")

    def sign_out(self):
        self.page.get_by_role("button", name="Sign out").click()
        self.page.wait_for_url(re.compile("/sign-in"))

    def post(self, path, form):
        """A form as a script would send it, with this browser's cookies."""
        return self.context.request.post(self.server.url + path, form=form, max_redirects=0)

    def question(self, action, decision="approve"):
        """The members of a form on an action's page, and what a passkey is asked to sign."""
        self.open(f"/actions/{action}")
        form = {name: self.field(name) for name in ("csrf", "expect", "rendering")}
        form["decision"] = decision
        answer = self.post(f"/console/actions/{action}/passkey-options", form)
        if answer.status != 200:
            raise SystemExit(f"passkey-options: {answer.text()}")
        asked = answer.json()
        form["nonce"] = asked["nonce"]
        return form, asked["publicKey"]

    def answer(self, options):
        return self.page.evaluate(GET, options)

    def decide(self, action, form, answer):
        return self.post(
            f"/console/actions/{action}/decide-passkey", {**form, "answer": json.dumps(answer)})
