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

  const say = (text) => {
    const p = document.getElementById("link");
    if (p.textContent !== text) p.textContent = text;
  };
  let source = null;
  let retry = 0;
  const connect = () => {
    if (source) source.close();
    clearTimeout(retry);
    const s = source = new EventSource("events" + location.search);
    s.onopen = () => say("");
    s.onmessage = (e) => {
      for (const [id, html] of Object.entries(JSON.parse(e.data))) show(id, html);
    };
    s.addEventListener("end", (e) => {
      s.close();
      say(e.data);
    });
    s.onerror = () => {
      say("Not connected; trying again. What is shown may be old.");
      if (s.readyState === 2) retry = setTimeout(connect, 3000);
    };
  };
  const go = (url) => {
    history.pushState(null, "", url);
    document.getElementById("stack")?.remove();
    connect();
  };
  document.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-go]");
    if (!a || e.button || e.metaKey || e.ctrlKey || e.shiftKey || location.pathname.endsWith("/stack")) return;
    e.preventDefault();
    go(a.getAttribute("href"));
  });
  window.addEventListener("popstate", () => location.reload());
  connect();
})();
