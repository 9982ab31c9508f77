// SPDX-License-Identifier: Apache-2.0
// Live updates, countdowns and keys. Every page works without this file, and nothing in it ever
// submits a form: only a person pressing the button does.
"use strict";

(() => {
  const root = document.documentElement;
  const main = document.getElementById("content");

  // The server's clock decides, so time runs on from the instant it put into the page.
  const servedAt = Number(root.dataset.now);
  const startedAt = performance.now();
  const now = () => servedAt + (performance.now() - startedAt);

  // --- clocks

  const two = (number) => String(number).padStart(2, "0");

  function duration(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
    if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
    return `${minutes}:${two(seconds % 60)}`;
  }

  function ago(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (seconds < 60) return `${seconds} s ago`;
    if (minutes < 60) return `${minutes} min ago`;
    if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min ago` : `${hours} h ago`;
    return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h ago` : `${hours / 24} d ago`;
  }

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const instant = now();
    for (const clock of document.querySelectorAll("[data-countdown]")) {
      const left = Date.parse(clock.dateTime) - instant;
      setText(clock, left > 0 ? duration(left) : "time is up");
      clock.classList.toggle("is-urgent", left < 5 * 60 * 1000);
    }
    for (const clock of document.querySelectorAll("[data-ago]")) {
      setText(clock, ago(instant - Date.parse(clock.dateTime)));
    }
  }

  tick();
  setInterval(tick, 1000);

  // --- live updates

  const live = document.getElementById("live");

  function show(state, text) {
    if (!live) return;
    live.hidden = false;
    live.className = `live is-${state}`;
    setText(live, text);
  }

  let pendingRefresh = 0;

  function refreshSoon() {
    clearTimeout(pendingRefresh);
    pendingRefresh = setTimeout(refresh, 250);
  }

  // Replaces the list by what the server renders now. Only lists of links are replaced: what
  // somebody is reading before a decision never changes under their eyes.
  async function refresh() {
    if (!main || !main.hasAttribute("data-live")) return;
    const known = new Set(items().map((item) => item.dataset.item));
    const focused = selected() && selected().dataset.item;
    let page;
    try {
      const response = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      page = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
      show("lost", "Not up to date: reload");
      return;
    }
    const fresh = page.getElementById("content");
    if (!fresh || !fresh.hasAttribute("data-live")) {
      show("lost", "Signed out: reload");
      return;
    }
    const hadFocus = main.contains(document.activeElement);
    main.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    for (const selector of [".nav", ".banners"]) {
      const old = document.querySelector(selector);
      const replacement = page.querySelector(selector);
      if (old && replacement) old.replaceWith(replacement);
    }
    let arrivals = 0;
    for (const item of items()) {
      if (!known.has(item.dataset.item)) {
        item.classList.add("is-new");
        arrivals += 1;
      }
      if (item.dataset.item === focused) select(item, hadFocus);
    }
    if (arrivals > 0) show("live", `Live, ${arrivals} new`);
    tick();
  }

  function noteChange(change) {
    if (!main || main.dataset.action !== change.id) return;
    if (Number(change.version) <= Number(main.dataset.version)) return;
    const stale = document.getElementById("stale");
    if (stale) stale.hidden = false;
    if (change.state !== main.dataset.state) {
      for (const button of main.querySelectorAll(".decide form button")) button.disabled = true;
      if (!stale) location.reload();
    }
  }

  function listen() {
    const source = new EventSource("/v1/events");
    let wasLost = false;
    source.addEventListener("open", () => {
      show("live", "Live");
      // Events may have been missed while the connection was down.
      if (wasLost) refreshSoon();
      wasLost = false;
    });
    source.addEventListener("action", (event) => {
      let change;
      try {
        change = JSON.parse(event.data);
      } catch {
        return;
      }
      noteChange(change);
      refreshSoon();
    });
    source.addEventListener("error", () => {
      wasLost = true;
      if (source.readyState === EventSource.CLOSED) show("lost", "Not live: reload");
      else show("waiting", "Reconnecting");
    });
  }

  if (live) listen();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live) refreshSoon();
  });
  // A page from the back-forward cache shows what was true when it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // --- keys

  const items = () => Array.from(document.querySelectorAll("[data-item]"));
  const selected = () => document.querySelector("[data-item].is-selected");

  function select(item, focus = true) {
    for (const other of items()) other.classList.toggle("is-selected", other === item);
    const link = item.querySelector("[data-open]");
    if (focus && link) {
      link.focus({ preventScroll: true });
      item.scrollIntoView({ block: "nearest" });
    }
  }

  function move(step) {
    const all = items();
    if (all.length === 0) return;
    const index = all.indexOf(selected());
    const next = index < 0 ? (step > 0 ? 0 : all.length - 1) : index + step;
    select(all[Math.min(Math.max(next, 0), all.length - 1)]);
  }

  function open() {
    const link = selected() && selected().querySelector("[data-open]");
    if (link) link.click();
  }

  // Goes to the form's text field, where Enter makes a new line: no key can send it by accident.
  function focusForm(id) {
    const form = document.getElementById(id);
    const field = form && form.querySelector("textarea");
    const target = field || document.getElementById("decide");
    if (!target) return;
    target.focus({ preventScroll: true });
    (form || target).scrollIntoView({ block: "center" });
  }

  const help = document.getElementById("help");
  const helpOpen = document.getElementById("help-open");
  const helpClose = document.getElementById("help-close");
  if (help && helpOpen && helpClose) {
    helpOpen.hidden = false;
    helpOpen.addEventListener("click", () => help.showModal());
    helpClose.addEventListener("click", () => help.close());
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    a: () => focusForm("approve"),
    d: () => focusForm("deny"),
    i: () => location.assign("/"),
    "/": () => {
      const search = document.querySelector("input[type=search]");
      if (search) search.focus();
      else location.assign("/history");
    },
    "?": () => help && help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (help && help.open) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "Enter" && selected() && !event.target.closest("a, button, summary")) {
      event.preventDefault();
      open();
      return;
    }
    const action = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!action || !live) return;
    event.preventDefault();
    action();
  });

  document.addEventListener("focusin", (event) => {
    const item = event.target.closest("[data-item]");
    if (item) select(item, false);
  });
})();
