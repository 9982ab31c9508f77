# SPDX-License-Identifier: Apache-2.0
"""A gate that demands passkeys: sealed server, two administrators, a reviewer, a command runner.

What the gate executes must have been signed by a passkey that chains from the manifest of the seal,
which it has as a file of its own; whatever the server says.
"""
import json
import os
import re
import subprocess
import time

from stage import PROGRAM, Browser, Server, free_port

POLICIES = """
@id("commands") permit (principal is Agent, action in Action::"command", resource);

@id("free") forbid (principal, action in Action::"command", resource)
when { context.input.argv.contains("never") };

@id("rules") permit (principal, action in Action::"exequatur", resource)
unless { principal is Agent };

@id("rules.review") @review("administrators") @assurance("console") @reason("it changes the rules")
forbid (principal, action in Action::"exequatur", resource);

@id("signed") @review("reviewers") @assurance("passkey") @reason("a person signs it himself")
forbid (principal, action in Action::"command", resource)
when { context.input.argv.contains("signed") };

@id("plain") @review("reviewers") @reason("a person approves it")
forbid (principal, action in Action::"command", resource)
when { context.input.argv.contains("plain") };
"""


class Gate:
    """`exequatur gateway command` with the floor, and an agent that asks it."""

    def __init__(self, server, folder, token, manifest, name):
        self.server, self.folder = server, folder
        self.port = free_port()
        self.log = os.path.join(folder, f"{name}.log")
        environment = {**os.environ, "EXEQUATUR_URL": server.url, "EXEQUATUR_GATE_TOKEN": token,
                       "EXEQUATUR_STATE_DIR": os.path.join(folder, name)}
        environment.pop("EXEQUATUR_TOKEN", None)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "gateway", "command", "--listen", f"127.0.0.1:{self.port}",
                 "--directory", folder, "--host", "web1", "--require", "passkey",
                 "--manifest", manifest], env=environment, stdout=log, stderr=log)

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def runs(self):
        deadline = time.monotonic() + 30
        while "listening on" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def ask(self, *words):
        """An agent asks for `touch` of a file; gives the question and the file."""
        path = os.path.join(self.folder, words[-1])
        environment = {**os.environ, "EXEQUATUR_URL": self.server.url,
                       "EXEQUATUR_TOKEN": self.server.agent_token,
                       "EXEQUATUR_STATE_DIR": os.path.join(self.folder, "agent-state")}
        environment.pop("EXEQUATUR_GATE_TOKEN", None)
        return subprocess.Popen(
            [PROGRAM, "run", "--runner", f"http://127.0.0.1:{self.port}", "--directory",
             self.folder, "--wait", "60s", "--",
             "/usr/bin/touch", *words], env=environment, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE), path

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def enrol(playwright, server, person):
    """A browser of this person's own, signed in with the passkey that it made."""
    browser = Browser(playwright, server)
    browser.sign_in(server.link(person))
    add_passkey(browser)
    browser.page.wait_for_url(re.compile(r"/account\?done=passkey"))
    browser.sign_out()
    sign_in(browser)
    return browser


def add_passkey(browser):
    browser.open("/account")
    browser.page.get_by_role("button", name="Add a passkey").click()


def sign_in(browser):
    browser.open("/sign-in")
    browser.page.get_by_role("button", name="Sign in with a passkey").click()
    browser.page.wait_for_url(browser.server.url + "/")


def another_authenticator(browser):
    """The person takes a second key into his hand."""
    browser.devtools.send(
        "WebAuthn.removeVirtualAuthenticator", {"authenticatorId": browser.authenticator})
    browser.authenticator = browser.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True}})["authenticatorId"]


def pending(server, kind):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for action in server.call("GET", "/v1/actions?state=pending"):
            if action["action"] == kind:
                return action["id"]
        time.sleep(0.2)
    raise RuntimeError(f"no {kind} is pending")


def decide(browser, action, button):
    browser.open(f"/actions/{action}")
    browser.page.get_by_role("button", name=button, exact=True).click()
    browser.page.wait_for_url(re.compile(r"\?done=approve"))


SIGNED = "Approve with a passkey"
PLAIN = "Approve this action"


def seal(server, admins, results):
    recovery = os.path.join(server.folder, "recovery.key")
    server.run("seal", "--recovery-key-file", recovery)
    for browser in admins:
        browser.open("/seal")
        browser.page.locator("form[action='/console/seal'] button[type=submit]").click()
        browser.page.wait_for_url(re.compile(r"/seal\?done="))
    token = os.path.join(server.folder, "agent.token")
    with open(token, "w", encoding="utf-8") as file:
        file.write(server.agent_token)
    done = server.run("seal", "--manifest", "--json", "--token-file", token, token=False)
    answer = json.loads(done.stdout)
    results.check("sealed by two persons", answer["sealed"] is True)
    path = os.path.join(server.folder, "manifest.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(done.stdout)
    return path, answer


def refuses_other_manifests(server, folder, token, manifest, results):
    """A manifest that was changed, or that nobody sealed, is no manifest."""
    spoilt = {
        "its digest is another": {**manifest, "digest": "0" * 64},
        "nobody sealed it": {**manifest, "sealed": False},
    }
    for number, (name, answer) in enumerate(spoilt.items()):
        path = os.path.join(folder, f"spoilt-{number}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        gate = Gate(server, folder, token, path, f"spoilt-{number}")
        results.check(f"the gate does not start: {name}",
                      not gate.runs() and "manifest" in gate.said(), gate.said())
        gate.stop()


def check_gate(server, gate, rita, results):
    question, path = gate.ask("signed")
    decide(rita, pending(server, "command.run"), SIGNED)
    out = question.communicate(timeout=60)
    results.check("what a passkey signed is executed",
                  question.returncode == 0 and os.path.exists(path), (question.returncode, out))
    question, path = gate.ask("plain")
    decide(rita, pending(server, "command.run"), PLAIN)
    out = question.communicate(timeout=60)
    results.check("what the server alone says was approved is not executed",
                  question.returncode != 0 and not os.path.exists(path)
                  and "without a passkey's signature" in out[1], out[1])
    question, path = gate.ask("allowed")
    out = question.communicate(timeout=60)
    results.check("nor what policy allows without anybody",
                  question.returncode != 0 and not os.path.exists(path)
                  and "no person approved it" in out[1], out[1])


def check_chain(server, gate, rita, carol, results):
    """A passkey that was enrolled after the seal counts because one of the manifest approved it."""
    another_authenticator(rita)
    add_passkey(rita)
    enrolment = pending_change(rita)
    decide(carol, enrolment, SIGNED)
    rita.sign_out()
    sign_in(rita)
    question, path = gate.ask("signed", "later")
    decide(rita, pending(server, "command.run"), SIGNED)
    out = question.communicate(timeout=60)
    results.check("a passkey of later counts by its enrolment's receipt",
                  question.returncode == 0 and os.path.exists(path), (question.returncode, out))
    another_authenticator(rita)
    add_passkey(rita)
    decide(carol, pending_change(rita), PLAIN)
    rita.sign_out()
    sign_in(rita)
    question, path = gate.ask("signed", "unsigned")
    decide(rita, pending(server, "command.run"), SIGNED)
    out = question.communicate(timeout=60)
    results.check("but not where only the server says that its enrolment was approved",
                  question.returncode != 0 and not os.path.exists(path)
                  and "without a passkey's signature" in out[1], out[1])


def pending_change(browser):
    """What the person asked for leads to the page of the action."""
    browser.page.wait_for_url(re.compile(r"/actions/act_"))
    return re.search(r"/actions/(act_[^?#/]+)", browser.page.url).group(1)


def floor(playwright, folder, results):
    server = Server(folder)
    gates = []
    try:
        server.populate(POLICIES)
        for person in ("alice", "carol"):
            server.run("person", "add", person, "--group", "administrators")
        alice, carol, rita = (enrol(playwright, server, p) for p in ("alice", "carol", "rita"))
        added = server.run("gate", "add", "runner", "--json").stdout
        token = re.search(r'"token"\s*:\s*"([^"]+)"', added).group(1)
        manifest, answer = seal(server, (alice, carol), results)
        place = os.path.join(folder, "work")
        os.makedirs(place)
        refuses_other_manifests(server, place, token, answer, results)
        gate = Gate(server, place, token, manifest, "gate")
        gates.append(gate)
        results.check("the gate starts", gate.runs(), gate.said())
        check_gate(server, gate, rita, results)
        check_chain(server, gate, rita, carol, results)
        for browser in (alice, carol, rita):
            browser.browser.close()
    finally:
        for gate in gates:
            gate.stop()
        server.stop()
