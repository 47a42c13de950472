// What pages do beyond being pages: live regions, keys, and brakes on the buttons that decide.
// Everything works without this file. Nothing here approves anything.
"use strict";

(() => {
  const ARMED_AFTER_MS = 600;
  const hold = document.getElementById("hold");
  const approve = document.querySelector("button.yes");
  let armed = 0;

  // A button that decides does nothing for a moment after the page changed under the finger.
  const disarm = () => {
    armed = Date.now() + ARMED_AFTER_MS;
    for (const button of document.querySelectorAll("[data-arm]")) button.setAttribute("aria-disabled", "true");
    setTimeout(arm, ARMED_AFTER_MS);
  };

  const unread = () => [...document.querySelectorAll('input[name="opened"]')].filter((box) => !box.checked);

  const isStale = () => hold !== null && !document.getElementById("stale").hidden;

  const arm = () => {
    if (Date.now() < armed || isStale()) return;
    for (const button of document.querySelectorAll("[data-arm]")) button.removeAttribute("aria-disabled");
    if (approve && unread().length > 0) approve.setAttribute("aria-disabled", "true");
    for (const box of document.querySelectorAll('input[name="opened"]')) {
      const link = document.querySelector(`ul.folds a[href="#${box.value}"]`);
      if (link) link.classList.toggle("ticked", box.checked);
    }
  };

  const say = (text) => { document.getElementById("announce").textContent = text; };

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || button.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    const first = unread()[0];
    if (button === approve && first && !isStale()) open(first.value);
    else say("The page has just changed. Look again.");
  });

  // A person's authenticator signs, or is made to know us, before a form is sent. Where that cannot
  // be here, the form is sent as it is, and the gateway says what to do.
  const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const ask = (asked) => {
    const options = JSON.parse(asked.dataset.passkey);
    return "makes" in asked.dataset
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  };
  document.addEventListener("submit", (event) => {
    const [form, button] = [event.target, event.submitter];
    const asked = form.querySelector("[data-passkey]");
    if (event.defaultPrevented || !asked || "answered" in asked.dataset) return;
    if (!window.PublicKeyCredential || location.origin !== asked.dataset.origin) return;
    event.preventDefault();
    if ("asking" in asked.dataset) return;
    asked.dataset.asking = "";
    const problem = asked.querySelector("[role=alert]");
    problem.hidden = true;
    const fill = (name, buffer) => { form.querySelector(`input[name="${name}"]`).value = base64url(buffer); };
    const answered = (credential) => {
      const answer = credential.response;
      fill("client", answer.clientDataJSON);
      if ("makes" in asked.dataset) fill("attestation", answer.attestationObject);
      else {
        fill("credential", credential.rawId);
        fill("authenticator", answer.authenticatorData);
        fill("signature", answer.signature);
      }
      asked.dataset.answered = "";
      form.requestSubmit(button);
    };
    const failed = (error) => {
      problem.textContent = `The passkey was not used, and nothing was sent: ${error.message}`;
      problem.hidden = false;
    };
    Promise.resolve(asked).then(ask).then(answered).catch(failed).finally(() => { delete asked.dataset.asking; });
  });

  document.addEventListener("change", arm);

  // A link to a fold opens it.
  const open = (id) => {
    const fold = document.getElementById(id);
    if (!fold) return;
    if (fold.localName === "details") fold.open = true;
    fold.scrollIntoView({ block: "start" });
    fold.querySelector("summary, input").focus();
    say("This part has to be read first.");
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("ul.folds a");
    if (!link) return;
    event.preventDefault();
    open(link.getAttribute("href").slice(1));
  });

  // The page is fetched again when something changed, and its regions are taken over.
  const refresh = () => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onload = () => {
      // Who was signed out is led elsewhere.
      const isHere = request.responseURL === location.href.split("#")[0];
      if (request.status === 200 && request.response && isHere) take(request.response); else location.reload();
    };
    request.send();
  };

  // Regions as the server sent them; counting down changes what is shown.
  const sent = new WeakMap();
  for (const region of document.querySelectorAll("[data-region]")) sent.set(region, region.cloneNode(true));

  // What an authenticator is asked is good for a quarter of an hour; the same call may be read longer.
  const signs = () => document.querySelector("#approve [data-passkey]");
  const renew = (page) => {
    const [own, next] = [signs(), page.querySelector("#approve [data-passkey]")];
    const [seen, shown] = [document, page].map((it) => it.querySelector('#approve input[name="view"]'));
    if (!own || !next || seen.value !== shown.value || "asking" in own.dataset || "answered" in own.dataset) return;
    own.dataset.passkey = next.dataset.passkey;
    own.querySelector('input[name="nonce"]').value = next.querySelector('input[name="nonce"]').value;
  };
  if (signs()) setInterval(refresh, 10 * 60 * 1000);

  const take = (page) => {
    const other = page.getElementById("hold");
    if (hold && (!other || other.dataset.call !== hold.dataset.call)) {
      // Decided, or another call by now: what was read is not what is there.
      if (!other) { location.reload(); return; }
      document.getElementById("stale").hidden = false;
      disarm();
      return;
    }
    renew(page);
    let changed = "";
    for (const region of document.querySelectorAll("[data-region]")) {
      const next = region.id && page.getElementById(region.id);
      if (!next || next.isEqualNode(sent.get(region))) continue;
      const copy = document.importNode(next, true);
      sent.set(copy, copy.cloneNode(true));
      region.replaceWith(copy);
      copy.classList.add("changed");
      changed = copy.dataset.said || changed;
    }
    document.title = page.title;
    count();
    if (changed) { say(changed); disarm(); }
  };

  const live = document.body.dataset.live;
  const LISTENS_AGAIN_AFTER_MS = 30000;
  let source = null;
  const listen = () => {
    source = new EventSource(live);
    source.addEventListener("changed", refresh);
    // Browsers come back by themselves, but not to who refuses them.
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      refresh();
      setTimeout(listen, LISTENS_AGAIN_AFTER_MS);
    });
  };
  if (live) {
    listen();
    addEventListener("pagehide", () => source.close());
    // A page that comes back from the browser's memory may be old.
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  // How long is left, by this machine's clock; the absolute time stands beside it.
  const count = () => {
    for (const time of document.querySelectorAll("[data-countdown]")) {
      const left = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
      if (!Number.isFinite(left)) continue;
      const [minutes, seconds] = [Math.floor(left / 60), String(left % 60).padStart(2, "0")];
      time.textContent = left <= 0 ? "now" : left < 3600 ? `in ${minutes}:${seconds} min` : `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    }
  };
  if (document.querySelector("[data-countdown]")) { count(); setInterval(count, 1000); }

  // Keys move and open. None decides.
  const step = (by) => {
    const steps = [...document.querySelectorAll("[data-step]")];
    const at = steps.findIndex((it) => it.contains(document.activeElement));
    const next = steps[at < 0 ? (by > 0 ? 0 : steps.length - 1) : Math.min(Math.max(at + by, 0), steps.length - 1)];
    if (!next) return;
    (next.querySelector("h2 a") || next).focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (!document.documentElement.hasAttribute("data-keys") || isTyping) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = document.activeElement && document.activeElement.closest("[data-step]");
    const opened = at && at.querySelector("h2 a, summary");
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "o" && opened) opened.click();
    else if (event.key === "?") location.href = "/help";
  });

  arm();
})();
