"use strict";
(() => {
  // morph makes the old element like the fresh one, and keeps what is the same: the
  // focus, a selection and the place of a screen reader stay.
  const keyOf = (n) => n.nodeType === 1 ? n.getAttribute("data-key") || n.id || null : null;
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
  const morph = (old, fresh) => {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const a of [...old.attributes]) if (!fresh.hasAttribute(a.name)) old.removeAttribute(a.name);
    for (const a of fresh.attributes) if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
    children(old, fresh);
  };
  const children = (old, fresh) => {
    const keyed = new Map();
    for (const n of old.childNodes) if (keyOf(n)) keyed.set(keyOf(n), n);
    let at = old.firstChild;
    for (const want of [...fresh.childNodes]) {
      const key = keyOf(want);
      let have = key ? keyed.get(key) : at;
      if (have && !alike(have, want)) have = null;
      if (!have) {
        old.insertBefore(want, at);
        continue;
      }
      if (have !== at) old.insertBefore(have, at);
      else at = at.nextSibling;
      morph(have, want);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };
  const show = (id, html) => {
    const old = document.getElementById(id);
    if (!old) return;
    const fresh = old.cloneNode(false);
    fresh.innerHTML = html; // escaped by the server
    children(old, fresh);
  };

  const by = (id) => document.getElementById(id);
  const retitle = () => document.title = document.querySelector("h1").dataset.title;
  const say = (text) => {
    const p = by("link");
    if (p.textContent !== text) p.textContent = text;
  };
  let source = null;
  let retry = 0;
  const stop = () => {
    source?.close();
    clearTimeout(retry);
  };
  const connect = () => {
    stop();
    const s = source = new EventSource("events" + location.search);
    s.onopen = () => say("");
    s.onmessage = (e) => {
      for (const [id, html] of Object.entries(JSON.parse(e.data))) show(id, html);
      retitle();
    };
    s.addEventListener("end", (e) => {
      s.close();
      say(e.data);
      by("pause").hidden = true;
    });
    s.onerror = () => {
      say("Not connected; trying again. What is shown may be old.");
      if (s.readyState === 2) retry = setTimeout(connect, 3000);
    };
  };
  const pause = (on) => {
    const b = by("pause");
    b.setAttribute("aria-pressed", on);
    if (on) {
      stop();
      say("Paused.");
    } else {
      connect();
    }
  };
  const go = (url) => {
    history.pushState(null, "", url);
    by("stack")?.remove();
    const v = new URLSearchParams(location.search);
    by("search").q.value = v.get("q") ?? "";
    by("search").sort.value = v.get("sort") ?? "age";
    pause(false);
  };
  const stays = !location.pathname.endsWith("/stack"); // that page is the answer to a form
  document.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-go]");
    if (!a || e.button || e.metaKey || e.ctrlKey || e.shiftKey || !stays) return;
    e.preventDefault();
    go(a.getAttribute("href"));
  });
  by("search").addEventListener("submit", (e) => {
    if (!stays) return;
    e.preventDefault();
    const v = new URLSearchParams(location.search);
    for (const [name, value] of new FormData(e.target)) value ? v.set(name, value) : v.delete(name);
    go("?" + v);
  });
  by("search").sort.addEventListener("change", (e) => e.target.form.requestSubmit());
  by("pause").addEventListener("click", () => pause(by("pause").getAttribute("aria-pressed") === "false"));
  by("pause").hidden = false;
  window.addEventListener("popstate", () => location.reload());
  connect();
})();
