# SPDX-License-Identifier: Apache-2.0
"""A real server with channels that lead to the emulators, people, an agent and policies."""
import html
import http.client
import http.cookies
import itertools
import json
import os
import re
import secrets
import subprocess
import time
import urllib.parse

from common import (ROOT, Failure, Processes, Skip, brief, clean_environment, free_port, require,
                    until, wait_for_port)

SCHEMA = """
entity Database;
action "db";
action "db.export", "db.read", "db.drop", "db.grant", "db.move", "db.audit", "db.brief"
  in [Action::"db"]
  appliesTo {
    principal: [Agent], resource: [Database],
    context: { input: { table: String, note?: String } },
  };
"""
REVIEWED = """
@id("{name}") @review("{groups}") @severity("{severity}") @expires("{expires}"){more}
@reason("{reason}")
forbid (principal, action == Action::"db.{name}", resource);
"""
RULES = [
    {"name": "export", "groups": "reviewers", "severity": "medium", "more": "",
     "reason": "Rows leave the database."},
    {"name": "drop", "groups": "reviewers", "severity": "high",
     "more": ' @assurance("console")', "reason": "A table is lost."},
    {"name": "grant", "groups": "reviewers", "severity": "high", "more": ' @quorum("2")',
     "reason": "Somebody gets rights."},
    {"name": "move", "groups": "reviewers", "severity": "medium", "more": ' @quorum("2")',
     "reason": "Rows move."},
    {"name": "brief", "groups": "reviewers", "severity": "medium", "more": "", "expires": "4s",
     "reason": "Soon over."},
    {"name": "audit", "groups": "auditors", "severity": "medium", "more": "",
     "reason": "Only auditors."},
]
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")
PEOPLE = {"alice": ["reviewers"], "bob": ["reviewers"], "carol": ["reviewers"], "dave": [],
          "erin": ["auditors"]}


def program():
    path = os.environ.get("EXEQUATUR_BIN") or os.path.join(ROOT, ".build", "debug", "exequatur")
    if not os.access(path, os.X_OK):
        raise Skip(f"no {path}: build it, or set EXEQUATUR_BIN")
    return path


def has_channels():
    """Whether the program knows of channels at all."""
    found = subprocess.run([program(), "serve", "--help"], capture_output=True, text=True,
                           env=clean_environment(), timeout=60)
    return "--config" in found.stdout


class Answer:
    """What the server said to a request."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.raw = status, headers, body
        self.text = body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.raw) if self.raw else {}


class World:
    """One server. `channels` makes its configuration, given a World that knows its port."""

    def __init__(self, folder, processes=None, channels=lambda world: [], expires="1h",
                 options=(), environment=None):
        if not has_channels():
            raise Skip("`serve` has no `--config`")
        self.folder, self.processes = folder, processes or Processes()
        os.makedirs(f"{folder}/secrets", exist_ok=True)
        self.binary, self.port = program(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.numbers = itertools.count(1)
        self.expires, self.options = expires, list(options)
        self.environment = environment or {}
        self.emulators = []
        self.configuration = channels(self)
        self.configure(self.configuration)
        self.start()
        self.people = {name: self.cli_json(
            "person", "add", name, "--name", f"{name.title()} Example", "--token",
            *[w for g in groups for w in ("--group", g)])
            for name, groups in PEOPLE.items() if name != "erin"}
        self.cli("group", "add", "auditors")
        self.people["erin"] = self.cli_json("person", "add", "erin", "--name", "Erin Example",
                                            "--token", "--group", "auditors")
        self.agent = self.cli_json("agent", "add", "bot", "--owner", "alice")["token"]
        self.publish()
        self.cookies = {}

    # MARK: the server

    def secret(self, name, text):
        """A file with a secret; returns its path."""
        path = f"{self.folder}/secrets/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.chmod(path, 0o600)
        return path

    def configure(self, channels):
        with open(f"{self.folder}/config.json", "w", encoding="utf-8") as file:
            json.dump({"channels": channels}, file, indent=1)

    def start(self):
        self.log = f"{self.folder}/serve.log"
        self.server = self.processes.start(
            [self.binary, "serve", "--data", f"{self.folder}/data", "--listen",
             f"127.0.0.1:{self.port}", "--public-url", self.url, "--config",
             f"{self.folder}/config.json", "--submissions-per-second", "1000000", *self.options],
            stdout=open(self.log, "a"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=clean_environment(**self.environment))
        try:
            wait_for_port(self.port, self.server, 30)
            until(lambda: os.path.exists(f"{self.folder}/data/admin.token"), "admin.token", 30)
        except Failure as error:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                raise Failure(f"{error}: {file.read()[-600:]}") from None

    def stop(self, kill=False):
        if kill:
            self.server.kill()
            self.server.wait()
        else:
            Processes.stop(self.server, 15)

    def died(self):
        return self.server.poll() is not None

    def last_words(self):
        """Why the server ended, from its log."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        fatal = [line for line in lines if "Fatal" in line or "Precondition" in line]
        return f"it ended with {self.server.returncode}: {(fatal or lines)[-1][:300]}"

    def restart(self, kill=False):
        self.stop(kill)
        self.start()

    def close(self):
        self.stop()
        for emulator in self.emulators:
            emulator.stop()

    def own(self, emulator):
        self.emulators.append(emulator)
        return emulator

    # MARK: the command line and the API

    def cli(self, *words, token=None):
        environment = clean_environment(EXEQUATUR_URL=self.url)
        if token:
            environment["EXEQUATUR_TOKEN"] = token
        else:
            words = (*words, "--token-file", f"{self.folder}/data/admin.token")
        found = subprocess.run([self.binary, *words], capture_output=True, text=True, timeout=60,
                               env=environment, stdin=subprocess.DEVNULL)
        if found.returncode != 0:
            raise Failure(f"`exequatur {' '.join(words[:4])}` ended with {found.returncode}: "
                          f"{found.stderr.strip() or found.stdout.strip()}"[:800])
        return found.stdout

    def cli_json(self, *words, token=None):
        return json.loads(self.cli(*words, "--json", token=token))

    def publish(self):
        folder = f"{self.folder}/policies"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/schema.cedarschema", "w", encoding="utf-8") as file:
            file.write(SCHEMA)
        text = '@id("db") permit (principal is Agent, action in Action::"db", resource);\n'
        for rule in RULES:
            text += REVIEWED.format(**{"expires": self.expires, **rule})
        with open(f"{folder}/policies.cedar", "w", encoding="utf-8") as file:
            file.write(text)
        self.cli("policy", "publish", folder)

    def send(self, method, path, body=None, headers=None):
        """One request, exactly as given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def api(self, method, path, body=None, token=None, good=True):
        if token is None:
            with open(f"{self.folder}/data/admin.token", encoding="utf-8") as file:
                token = file.read().strip()
        found = self.send(method, path, None if body is None else json.dumps(body), {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        if good and found.status >= 300:
            raise Failure(f"{method} {path}: {found.status} {found.text[:300]}")
        return found

    # MARK: actions

    def unique(self, label="t"):
        return f"{label}_{next(self.numbers)}_{secrets.token_hex(4)}"

    def submit(self, kind="export", table=None, **more):
        """The agent asks; the table's name is in no other action."""
        given = {"table": table or self.unique(), **more.get("input", {})}
        body = {"operation": {"action": f"db.{kind}", "input": given,
                              "resource": {"type": "Database", "id": "main"}},
                "intent": {"justification": more.get("why", "The quarter ends.")}}
        found = self.api("POST", "/v1/actions", body, self.agent).json
        found["table"] = given["table"]
        return found

    def show(self, action):
        return self.api("GET", f"/v1/actions/{identifier(action)}").json

    def state(self, action):
        return self.show(action)["state"]

    def decisions(self, action):
        return [(d["person"], d["decision"]) for d in self.show(action)["decisions"]]

    def became(self, action, state, seconds=5):
        until(lambda: self.state(action) == state, f"the action becomes {state}", seconds)

    def undecided(self, action):
        """No decision is recorded, and the action still waits."""
        found = self.show(action)
        require(found["state"] == "pending" and not found["decisions"],
                f"expected no decision, got {found['state']} {brief(found['decisions'])}")

    def decide(self, action, person, decision="approve", reason="Not today."):
        body = {"decision": decision, "expect": self.show(action)["digest"][:16]}
        if decision == "deny":
            body["reason"] = reason
        return self.api("POST", f"/v1/actions/{identifier(action)}/decisions", body,
                        self.people[person]["token"], good=False)

    def cancel(self, action):
        self.api("POST", f"/v1/actions/{identifier(action)}/cancel", {}, self.agent)

    def entries(self, kind=None):
        """The ledger, oldest first, without the entries that reading it makes."""
        found, start = [], 0
        while True:
            page = self.api("GET", f"/v1/audit?from={start}&limit=1000").json
            found += page
            if len(page) < 1000:
                break
            start = page[-1]["index"] + 1
        found = [e for e in found if e["leaf"]["kind"] != "audit.read"]
        return [e for e in found if kind is None or e["leaf"]["kind"] == kind]

    # MARK: the console

    def form(self, path, fields, person=None):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        if person:
            headers["Cookie"] = self.cookies[person]
        return self.send("POST", path, urllib.parse.urlencode(fields), headers)

    def page(self, path, person):
        return self.send("GET", path, headers={"Cookie": self.cookies[person]})

    def sign_in(self, person):
        """Signs in with a one-time link."""
        link = self.cli_json("person", "link", person)["signInLink"]
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["token"][0]
        found = self.form("/console/sign-in", {"token": token})
        jar = http.cookies.SimpleCookie(found.headers.get("Set-Cookie", ""))
        require(jar, f"no cookie after signing in: {found.status} {found.text[:200]}")
        self.cookies[person] = "; ".join(f"{m.key}={m.value}" for m in jar.values())

    def code(self, person):
        """A linking code, made at the console's page `/account`."""
        if person not in self.cookies:
            self.sign_in(person)
        page = self.page("/account", person)
        require(page.status == 200, f"GET /account: {page.status} {page.text[:200]}")
        for action, fields in forms(page.text):
            if not action.endswith("/account/code"):
                continue
            found = self.form(action, fields, person)
            if found.status in (302, 303):
                found = self.page(found.headers["Location"], person)
            code = CODE.search(re.sub(r"<[^>]*>", " ", found.text)) or CODE.search(found.text)
            if code:
                return code.group(0)
        raise Failure("no form of /account makes a code")

    def accounts(self, person):
        """Linked accounts of a person, as the ledger has them."""
        found = {}
        for entry in self.entries():
            for change in changes(entry["core"]):
                if change.get("op") == "account.linked":
                    found[json.dumps(change["account"], sort_keys=True)] = change["id"]
                elif change.get("op") == "account.unlinked":
                    found.pop(json.dumps(change["account"], sort_keys=True), None)
        return [json.loads(a) for a, holder in found.items() if holder == person]

    def link_slack(self, slack, person, user):
        """Home tab, button, modal with a code; returns the answer to the modal."""
        return self.enter_code(slack, user, self.code(person))

    def enter_code(self, slack, user, code):
        before = slack.homes[user].versions[-1][0] if user in slack.homes else 0
        require(slack.people.open_home(user).acknowledged, "app_home_opened is not acknowledged")
        until(lambda: user in slack.homes and slack.homes[user].versions[-1][0] > before,
              f"a Home tab for {user}", 5)
        since = time.time()
        slack.people.click_home(user, "exequatur.link")
        shown = slack.modal(user, since)
        return slack.people.submit(shown, {"code": code})

    def link_teams(self, teams, person, name):
        found = teams.people.write(name, f"link {self.code(person)}")
        require(found.status in (200, 201, 202), f"`link CODE`: {found.status} {found.body}")
        until(lambda: self.accounts(person), f"{person} has an account in Teams", 5)


def identifier(action):
    return action["id"] if isinstance(action, dict) else action


def changes(core):
    """The changes of the directory in an entry's core, wherever they stand."""
    if isinstance(core, dict):
        found = [core] if "op" in core else []
        return found + [c for value in core.values() for c in changes(value)]
    if isinstance(core, list):
        return [c for value in core for c in changes(value)]
    return []


def forms(page):
    """Every form of a page: where it goes, and its fields."""
    found = []
    for match in re.finditer(r"<form\b([^>]*)>(.*?)</form>", page, re.S | re.I):
        where = re.search(r'action="([^"]*)"', match.group(1))
        fields = {}
        for tag in re.findall(r"<(?:input|button)\b[^>]*>", match.group(2), re.I):
            name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
            if name:
                fields[html.unescape(name.group(1))] = html.unescape(
                    value.group(1)) if value else ""
        found.append((html.unescape(where.group(1)) if where else "", fields))
    return found
