# SPDX-License-Identifier: Apache-2.0
"""Our server's mails: they show, link to a page, and decide nothing. Each takes a Scene."""
import os
import re
import time

from common import brief, equal, never, require, until
from mail_receiver import PASSWORD, USER, MailReceiver
from world import World

ONCALL, AUDIT, SECURITY = "oncall@example.org", "audit@example.org", "sec@example.org"
URL = re.compile(r"https?://[^\s<>\"')]+")


class Scene:
    """Three servers: plain, STARTTLS with a login, TLS; the first takes everything."""

    def __init__(self, folder, processes=None):
        self.plain = MailReceiver(folder_of(folder))
        self.starttls = MailReceiver(folder_of(folder), "starttls", authenticate=True)
        self.tls = MailReceiver(folder_of(folder), "tls", authenticate=True)
        servers = [self.plain, self.starttls, self.tls]

        def channels(world):
            password = world.secret("password", PASSWORD)
            login = {"user": USER, "passwordFile": password}
            common = {"kind": "mail", "from": "Exequatur <exequatur@example.org>"}
            return [
                {"id": "mail", **common, "server": f"127.0.0.1:{self.plain.port}",
                 "security": "none", "checkpoints": SECURITY, "recipients": [
                     {"address": ONCALL, "groups": ["reviewers"]},
                     {"address": AUDIT, "groups": ["auditors"]}]},
                {"id": "starttls", **common, **login, "security": "starttls",
                 "server": f"localhost:{self.starttls.port}",
                 "certificateFile": self.starttls.authority_file,
                 "recipients": [{"address": ONCALL, "groups": ["reviewers"]}]},
                {"id": "tls", **common, **login, "security": "tls",
                 "server": f"localhost:{self.tls.port}",
                 "certificateFile": self.tls.authority_file,
                 "recipients": [{"address": ONCALL, "groups": ["reviewers"]}]}]
        try:
            self.world = World(folder, processes, channels)
        except BaseException:
            for server in servers:
                server.stop()
            raise
        for server in servers:
            self.world.own(server)

    def close(self):
        self.world.close()

    def calm(self):
        """The server takes mail again, whatever a test left behind."""
        self.plain.replies.clear()

    def mail(self, action, seconds=10, **more):
        return self.plain.wait(action["id"], seconds, **more)


def folder_of(folder):
    os.makedirs(folder, exist_ok=True)
    return folder


make = Scene
SLOW = {"refused_for_a_while_is_tried_again", "refused_for_good_is_visible_and_does_not_loop"}


def case_mail_shows_the_action_and_links_to_its_page(scene):
    action = scene.world.submit(why="Board meeting on Friday.")
    mail = scene.mail(action)
    for needle in (action["table"], "db.export", "Board meeting on Friday.",
                   "Rows leave the database.", scene.world.show(action)["digest"][:16]):
        require(needle in mail.text, f"the mail does not show {needle!r}")
    require(f"{scene.world.url}/actions/{action['id']}" in mail.text, "no link to the page")


def case_mail_goes_to_the_groups_that_are_asked(scene):
    action = scene.world.submit("audit")
    equal(scene.mail(action).recipients, [AUDIT], "recipients")
    never(lambda: scene.plain.found(action["id"], to=ONCALL), "a mail to others", 0.3)


def case_no_link_decides_or_signs_in(scene):
    action = scene.world.submit()
    mail = scene.mail(action)
    for url in URL.findall(mail.raw.decode(errors="replace")):
        require(not re.search(r"approve|deny|decide|decision|token=|code=", url, re.I),
                f"a link that does more than show: {url}")
    require(mail.message["List-Unsubscribe"] is None, "List-Unsubscribe")


def case_scanner_that_opens_every_link_changes_nothing(scene):
    action = scene.world.submit()
    mail = scene.mail(action)
    before = len(scene.world.entries())
    for url in URL.findall(mail.text + mail.html):
        path = url.removeprefix(scene.world.url)
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            scene.world.send(method, path or "/")
    scene.world.undecided(action)
    equal(len(scene.world.entries()), before, "entries")


def case_headers_are_whole_and_cannot_be_injected(scene):
    table = scene.world.unique("x") + "\r\nBcc: evil@example.org\r\n\r\nbody"
    action = scene.world.submit(table=table, why="a\r\nSubject: evil\r\n.\r\nMAIL FROM:<x>")
    mail = scene.mail(action)
    equal(mail.recipients, [ONCALL], "recipients")
    require(mail.message["Bcc"] is None and "evil" not in mail.subject, "a header of the agent's")
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        require(mail.message[name], f"no {name}")
    require("\r\n.\r\nMAIL" not in mail.raw.decode(errors="replace"), "a line of a single dot")
    require(all(len(line) <= 998 for line in mail.raw.split(b"\r\n")), "a line too long")


def case_markup_of_the_agent_is_no_markup(scene):
    evil = '<a href="https://evil.example">click</a><img src=x><script>1</script>'
    action = scene.world.submit(input={"note": evil}, why=evil)
    mail = scene.mail(action)
    require("<a href=\"https://evil" not in mail.html and "<script>1" not in mail.html,
            "markup of the agent's in the mail")


def case_deceptive_characters_are_visible(scene):
    action = scene.world.submit(input={"note": "a\u202eb\u200bc\x07d\u2066e"})
    mail = scene.mail(action)
    for character in ("\u202e", "\u200b", "\x07", "\u2066"):
        require(character not in mail.text + mail.html, f"U+{ord(character):04X} is in the mail")


def case_mail_says_how_it_ended(scene):
    action = scene.world.submit()
    scene.mail(action)
    since = time.time()
    scene.world.decide(action, "bob", "deny", "Not on a Friday.")
    mail = scene.mail(action, since=since)
    require("Bob" in mail.text or "enied" in mail.text + mail.subject, f"{brief(mail.text)}")


def case_starttls_with_login(scene):
    action = scene.world.submit()
    mail = scene.starttls.wait(action["id"])
    require(mail.encrypted and mail.authenticated, "not protected")
    require(all(encrypted for *_, encrypted in scene.starttls.logins), "a login in the clear")


def case_tls_with_login(scene):
    action = scene.world.submit()
    mail = scene.tls.wait(action["id"])
    require(mail.encrypted and mail.authenticated, "not protected")


def case_refused_for_a_while_is_tried_again(scene):
    scene.plain.replies += ["451 4.3.0 later", "451 4.3.0 later"]
    action = scene.world.submit()
    scene.mail(action, 40)
    equal(len(scene.plain.found(action["id"])), 1, "mails")


def case_refused_for_good_is_visible_and_does_not_loop(scene):
    scene.plain.replies += ["550 5.7.1 never"] * 3
    since = time.time()
    scene.world.submit()
    until(lambda: "550" in scene.world.api("GET", "/v1/channels").raw.decode(),
          "GET /v1/channels says so", 10)
    time.sleep(2)
    require(len([a for a in scene.plain.attempts if a >= since]) <= 4, "tried again and again")
    scene.plain.replies.clear()
    scene.mail(scene.world.submit(), 60)


def case_zz_secret_never_shows(scene):
    with open(scene.world.log, encoding="utf-8", errors="replace") as file:
        said = file.read() + scene.world.api("GET", "/v1/channels").raw.decode()
    require(PASSWORD not in said, "the password is shown")
