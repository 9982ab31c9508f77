#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The referee of passkeys; see scripts/passkey-referee."""
import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.parse

from playwright.sync_api import sync_playwright
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from floor import floor
from stage import Browser, Elsewhere, Server, decode, encode


class Results:
    def __init__(self, verbose):
        self.verbose = verbose
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
            if self.verbose:
                print(f"ok   {name}")
        else:
            self.failed += 1
            print(f"FAIL {name}: {detail}", flush=True)

    def refused(self, name, answer, words, server, action):
        """What was sent is refused for its own reason, and the action waits as before."""
        state = server.state(action)
        text = re.sub(r"<[^>]*>", " ", answer.text())
        self.check(
            name, 400 <= answer.status < 500 and words in text and state == "pending",
            f"{answer.status}, state {state}, without `{words}`")


def sent(page, part, act):
    """The fields of the form that `act` sends to a path with this part."""
    with page.expect_request(lambda r: r.method == "POST" and r.url.endswith(part)) as caught:
        act()
    fields = urllib.parse.parse_qs(caught.value.post_data)
    return {name: values[0] for name, values in fields.items()}


def as_credential(answer):
    """The shape of an assertion that py_webauthn reads."""
    identifier = answer["credentialId"]
    response = {key: value for key, value in answer.items() if key != "credentialId"}
    return {"id": identifier, "rawId": identifier, "type": "public-key", "response": response}


def found(value, *keys):
    """The first object anywhere in a document that has all of these members."""
    if isinstance(value, dict):
        if all(key in value for key in keys):
            return value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            inner = found(member, *keys)
            if inner is not None:
                return inner
    if isinstance(value, str) and "assertion" in value and value.startswith("{"):
        return found(json.loads(value), *keys)
    return None


def enrol(browser, server, results):
    page = browser.page
    browser.sign_in(server.link("rita"))
    browser.open("/account")
    results.check("a new person has no passkey", "Passkeys 0" in page.inner_text("main"))
    options = {}

    def keep(route):
        answer = route.fetch()
        options.update(answer.json()["publicKey"])
        route.fulfill(response=answer)

    page.route("**/passkeys/options", keep)
    form = sent(page, "/console/account/passkeys",
                lambda: page.get_by_role("button", name="Add a passkey").click())
    page.wait_for_url(re.compile(r"/account\?done=passkey"))
    results.check("enrolled", "The passkey is yours" in page.inner_text("body"))
    kept = browser.credentials()
    results.check("the authenticator has one resident key for localhost",
                  len(kept) == 1 and kept[0]["isResidentCredential"]
                  and kept[0]["rpId"] == "localhost", str(kept)[:200])
    identifier = encode(base64.b64decode(kept[0]["credentialId"]))
    results.check("the page lists it", identifier[:12] in page.inner_text("main"))
    answer = json.loads(form["answer"])
    made = verify_registration_response(
        credential={"id": identifier, "rawId": identifier, "type": "public-key",
                    "response": answer},
        expected_challenge=decode(options["challenge"]), expected_rp_id="localhost",
        expected_origin=server.url, require_user_verification=True)
    results.check("py_webauthn takes the registration", encode(made.credential_id) == identifier)
    again = browser.post("/console/account/passkeys",
                         {"csrf": browser.field("csrf"), "answer": form["answer"]})
    results.check("an enrolment is not taken twice", again.status == 403, again.status)
    return made


def sign_in(browser, server, results):
    page = browser.page
    browser.sign_out()
    page.goto(server.url + "/sign-in?return=/history")
    form = sent(page, "/console/sign-in/passkey",
                lambda: page.get_by_role("button", name="Sign in with a passkey").click())
    page.wait_for_url(server.url + "/history")
    results.check("signed in with the passkey", "rita" in page.inner_text(".session"))
    browser.open("/account")
    results.check("the session says so", "by passkey" in page.inner_text("main"))
    replayed = browser.post("/console/sign-in/passkey", {"answer": form["answer"]})
    results.check("a sign-in is not replayed",
                  replayed.status == 403 and "set-cookie" not in replayed.headers)


def approve(browser, server, results, action):
    page = browser.page
    browser.open(f"/actions/{action}")
    results.check("no plain button where a passkey is asked for",
                  page.get_by_role("button", name="Approve this action").count() == 0)
    with_passkey = page.get_by_role("button", name="Approve with a passkey")
    results.check("the passkey's button is there", with_passkey.is_visible())
    form = sent(page, "/decide-passkey", with_passkey.click)
    page.wait_for_url(re.compile(r"\?done=approve"))
    text = page.inner_text("body")
    results.check("approved", "Your approval is recorded." in text
                  and server.state(action) == "cleared", server.state(action))
    results.check("the page says that it is signed", "signed with a passkey" in text)
    return form


def judge(browser, server, results, action, form, registered):
    page = browser.page
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the receipt").click()
    path = os.path.join(server.folder, "receipt.json")
    caught.value.save_as(path)
    done = server.run("verify", path, "--key", os.path.join(server.data, "log.vkey"), "--json",
                      token=False, allowed=(0, 1, 2))
    results.check("exequatur verify takes the receipt", done.returncode in (0, 2), done.stdout[:400])
    results.check("the decision is self-signed", '"self-signed"' in done.stdout, done.stdout[:400])
    with open(path, encoding="utf-8") as file:
        receipt = json.load(file)
    signed = found(receipt, "assertion", "context")
    results.check("the receipt has the signature", signed is not None)
    if signed is None:
        return
    answer = json.loads(form["answer"])
    assertion = {key: value for key, value in signed["assertion"].items() if value is not None}
    results.check("it is the very one that the browser made", assertion == answer)
    context = json.dumps(signed["context"], sort_keys=True, separators=(",", ":"),
                         ensure_ascii=False).encode()
    challenge = hashlib.sha256(b"exequatur/v1/decision\n" + context).digest()

    def verdict(changed):
        try:
            verify_authentication_response(
                credential=as_credential({**assertion, **changed}),
                expected_challenge=challenge, expected_rp_id="localhost",
                expected_origin=server.url, require_user_verification=True,
                credential_public_key=registered.credential_public_key,
                credential_current_sign_count=0)
            return None
        except InvalidAuthenticationResponse as error:
            return str(error)

    results.check("py_webauthn takes the same assertion", verdict({}) is None, verdict({}))
    results.check("py_webauthn refuses a changed one",
                  verdict({"signature": spoilt(assertion["signature"])}) is not None)
    results.check("the signature names action, decision and reviewer",
                  (signed["context"]["action"], signed["context"]["decision"],
                   signed["context"]["reviewer"]) == (action, "approve", "rita"))
    # A receipt whose signature was changed is not valid any more.
    with open(path, encoding="utf-8") as file:
        text = file.read()
    spoilt_path = os.path.join(server.folder, "spoilt.json")
    with open(spoilt_path, "w", encoding="utf-8") as file:
        file.write(text.replace(assertion["signature"], spoilt(assertion["signature"])))
    worse = server.run("verify", spoilt_path, "--key", os.path.join(server.data, "log.vkey"),
                       token=False, allowed=(0, 1, 2))
    results.check("exequatur verify refuses a changed receipt", worse.returncode == 1,
                  worse.returncode)


def spoilt(text):
    data = bytearray(decode(text))
    data[-1] ^= 1
    return encode(bytes(data))


def attack(browser, server, results, decided, old):
    """Everything is put to an action that waits; it must wait as before, and be decidable."""
    target, other = server.submit("target"), server.submit("other")
    form, options = browser.question(target)
    answer = browser.answer(options)
    refused = browser.decide(target, form, {**answer, "signature": spoilt(answer["signature"])})
    results.refused("a tampered signature", refused, "signature", server, target)
    refused = browser.decide(target, form, answer)
    results.refused("the same question is not answered twice", refused, "used or is too old",
                    server, target)
    form, options = browser.question(other)
    elsewhere = browser.answer(options)
    mine, _ = browser.question(target)
    refused = browser.decide(target, {**mine, "nonce": form["nonce"]}, elsewhere)
    results.refused("a signature for another action", refused, "another action", server, target)
    denial, options = browser.question(target, "deny")
    refused = browser.decide(
        target, {**denial, "decision": "approve"}, browser.answer(options))
    results.refused("a denial as an approval", refused, "another decision", server, target)
    form, options = browser.question(target)
    client = json.loads(decode(browser.answer(options)["clientDataJSON"]))
    forged = {**browser.answer(options),
              "clientDataJSON": encode(json.dumps({**client, "crossOrigin": True}).encode())}
    results.refused("changed client data", browser.decide(target, form, forged), "",
                    server, target)
    mine, _ = browser.question(target)
    refused = browser.decide(
        target, {**mine, "nonce": old["nonce"]}, json.loads(old["answer"]))
    results.refused("a replayed approval", refused, "used or is too old", server, target)
    again = browser.post(f"/console/actions/{decided}/decide-passkey", {
        **old, "csrf": mine["csrf"]})
    results.check("the decided action is not decided again", 400 <= again.status < 500)
    with Elsewhere() as origin:
        form, options = browser.question(target)
        browser.page.goto(origin)
        answer = browser.answer(options)
        made = json.loads(decode(answer["clientDataJSON"]))["origin"]
        results.check("the other page has another origin", made == origin, made)
        refused = browser.decide(target, form, answer)
        results.refused("a signature made on another origin", refused, "may not ask", server, target)
        options = browser.post("/console/sign-in/passkey/options", {}).json()["publicKey"]
        refused = browser.post("/console/sign-in/passkey",
                               {"answer": json.dumps(browser.answer(options))})
        results.check("a sign-in made on another origin",
                      refused.status == 403 and "set-cookie" not in refused.headers,
                      refused.status)
    browser.open(f"/actions/{target}")
    browser.page.get_by_label("Reason").last.fill("Not tonight.")
    browser.page.get_by_role("button", name="Deny with a passkey").click()
    browser.page.wait_for_url(re.compile(r"\?done=deny"))
    results.check("and it can still be denied", server.state(target) == "denied")


def leave(browser, server, results):
    """A passkey that is removed is worth nothing."""
    page = browser.page
    browser.open("/account")
    page.locator("form[action$='/passkeys/remove'] button").click()
    page.wait_for_url(re.compile(r"done=passkey-removed"))
    browser.sign_out()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_selector("[role=alert]")
    results.check("a removed passkey signs nobody in",
                  "nobody has enrolled this passkey" in page.inner_text("[role=alert]"),
                  page.inner_text("[role=alert]"))
    results.check("no page broke the content security policy",
                  not [m for m in browser.messages if "Content Security Policy" in m],
                  str(browser.messages)[:400])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    results = Results(options.verbose)
    folder = options.keep or tempfile.mkdtemp(prefix="exequatur-passkeys-")
    os.makedirs(folder, exist_ok=True)
    server = Server(folder)
    try:
        server.populate()
        with sync_playwright() as playwright:
            browser = Browser(playwright, server)
            registered = enrol(browser, server, results)
            sign_in(browser, server, results)
            action = server.submit("release-7")
            form = approve(browser, server, results, action)
            judge(browser, server, results, action, form, registered)
            attack(browser, server, results, action, form)
            leave(browser, server, results)
            browser.browser.close()
            inner = os.path.join(folder, "floor")
            os.makedirs(inner, exist_ok=True)
            floor(playwright, inner, results)
    except Exception as error:
        results.check("the referee gets to its end", False, f"{type(error).__name__}: {error}")
    finally:
        server.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{results.passed} passed, {results.failed} failed")
    sys.exit(0 if results.failed == 0 and results.passed > 0 else 1)


if __name__ == "__main__":
    main()
