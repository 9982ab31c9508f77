// SPDX-License-Identifier: Apache-2.0
// Passkeys, which a page cannot use without a script. A button with `data-passkey` asks the server
// what to sign (`data-options` of its form), lets the browser ask its owner, puts the answer into
// the form as hidden fields and sends it (`data-target`). Nothing here happens without that button.
"use strict";

(() => {
  const supported = Boolean(window.PublicKeyCredential && navigator.credentials);

  // --- base64url, which is how bytes travel in JSON

  function bytes(text) {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  }

  function text(buffer) {
    const binary = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  const named = (list) => list.map((item) => ({ ...item, id: bytes(item.id) }));

  // --- what the browser is asked, and what it answers

  async function create(options) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    return {
      attestationObject: text(made.response.attestationObject),
      clientDataJSON: text(made.response.clientDataJSON),
    };
  }

  async function get(options) {
    const made = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: named(options.allowCredentials),
      },
    });
    const answer = {
      authenticatorData: text(made.response.authenticatorData),
      clientDataJSON: text(made.response.clientDataJSON),
      credentialId: text(made.rawId),
      signature: text(made.response.signature),
    };
    if (made.response.userHandle && made.response.userHandle.byteLength > 0) {
      answer.userHandle = text(made.response.userHandle);
    }
    return answer;
  }

  // --- the server's question

  async function ask(form) {
    const response = await fetch(form.dataset.options, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      credentials: "same-origin",
      cache: "no-store",
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail || "The server refused.");
    return answer;
  }

  function put(form, name, value) {
    const known = form.querySelector(`input[type=hidden][name="${name}"]`);
    const field = known || document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    if (!known) form.append(field);
  }

  function words(error) {
    switch (error.name) {
      case "NotAllowedError":
        return "Nothing was done: it was cancelled, took too long, or this device has no such passkey.";
      case "InvalidStateError":
        return "This device has a passkey of yours for this server already.";
      case "SecurityError":
        return "This page’s address is not the one that the server was set up with (--public-url).";
      default:
        return error.message || "It did not work.";
    }
  }

  async function run(button) {
    const form = button.form;
    const note = form.querySelector("[data-passkey-note]");
    if (!form.reportValidity()) return;
    button.disabled = true;
    if (note) note.textContent = "Your device asks you now.";
    try {
      const question = await ask(form);
      const use = button.dataset.passkey === "create" ? create : get;
      put(form, "answer", JSON.stringify(await use(question.publicKey)));
      if (question.nonce) put(form, "nonce", question.nonce);
    } catch (error) {
      if (note) note.textContent = words(error);
      button.disabled = false;
      return;
    }
    if (note) note.textContent = "";
    form.action = form.dataset.target;
    form.submit();
  }

  for (const button of document.querySelectorAll("button[data-passkey]")) {
    const note = button.form.querySelector("[data-passkey-note]");
    if (!supported) {
      if (note) note.textContent = "This browser cannot use passkeys here: they need https or localhost.";
      continue;
    }
    button.hidden = false;
    if (note) note.textContent = "";
    button.addEventListener("click", () => run(button));
  }
})();
