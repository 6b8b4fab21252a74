/* A page follows what happens: when something changed, it is read anew and its parts marked data-follow are swapped (of
   those marked data-follow-text, the text). Without this script the page is the same, only it stands still. Nothing is
   swapped under somebody's hands: a part with a form in use stays as it is, and says so. */
"use strict";

(() => {
  const FIRST_MS = 150; // one reading for what comes together
  const NEXT_MS = 1500; // however much happens
  const CLOCKS_MS = 30000; // what is left on the clocks changes by itself
  const RETRY_MS = 5000;

  const main = document.querySelector("main[data-follow-events]");
  const mark = document.querySelector("[data-live]");
  if (!main || !mark || !window.EventSource) return;

  let after = main.dataset.followAfter;
  let source = null;
  let timer = null;
  let readAt = 0;
  let reading = false;
  let again = false;

  const show = (state) => {
    if (mark.dataset.live === state) return;
    mark.dataset.live = state;
    mark.textContent = mark.dataset[state];
    mark.hidden = false;
  };

  function listen() {
    const address = new URL(main.dataset.followEvents, location.href);
    address.searchParams.set("after", after);
    source = new EventSource(address);
    source.onopen = () => show("on");
    source.onerror = () => {
      show("lost");
      if (source.readyState === EventSource.CLOSED) setTimeout(startAgain, RETRY_MS);
    };
    for (const name of ["changes", "reset"]) {
      source.addEventListener(name, (event) => {
        after = event.lastEventId;
        soon();
      });
    }
  }

  function startAgain() {
    if (document.hidden || (source && source.readyState !== EventSource.CLOSED)) return;
    listen();
    soon();
  }

  function soon() {
    if (reading) again = true;
    if (reading || timer !== null) return;
    timer = setTimeout(read, Math.max(FIRST_MS, readAt + NEXT_MS - Date.now()));
  }

  async function read() {
    timer = null;
    reading = true;
    try {
      const answer = await fetch(main.dataset.followPage, { cache: "no-store", headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.statusText);
      swapAll(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      if (!document.hidden) show("lost");
    } finally {
      reading = false;
      readAt = Date.now();
      if (again) {
        again = false;
        soon();
      }
    }
  }

  function swapAll(fresh) {
    for (const one of document.querySelectorAll("[data-follow-text]")) {
      const text = fresh.getElementById(one.id)?.textContent;
      if (text && text !== one.textContent) one.textContent = text;
    }
    for (const part of document.querySelectorAll("[data-follow]")) {
      const other = fresh.getElementById(part.id);
      if (!other || same(part, other)) continue;
      if (inUse(part)) tell(part);
      else swap(part, other);
    }
  }

  /* Hidden fields differ each time (the key that makes a second press harmless). */
  function same(part, other) {
    const plain = (one) => {
      const copy = one.cloneNode(true);
      for (const field of copy.querySelectorAll("input[name=key]")) field.remove();
      for (const each of copy.querySelectorAll("details")) each.removeAttribute("open");
      for (const note of copy.querySelectorAll("[data-follow-note]")) note.hidden = true;
      return copy.innerHTML;
    };
    return plain(part) === plain(other);
  }

  function inUse(part) {
    const focused = document.activeElement;
    if (part.contains(focused) && focused.matches("input, textarea, select")) return true;
    const chosen = getSelection();
    if (!chosen.isCollapsed && part.contains(chosen.anchorNode)) return true;
    return [...part.querySelectorAll("input, textarea, select")].some(changed);
  }

  function changed(field) {
    if (field.type === "hidden") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
    const chosen = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(chosen, 0);
  }

  function tell(part) {
    for (const note of part.querySelectorAll("[data-follow-note]")) note.hidden = false;
  }

  const nameOf = (one) => one.querySelector("form")?.getAttribute("action");

  function swap(part, other) {
    const open = new Set([...part.querySelectorAll("details[open]")].map(nameOf));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const link = focused?.getAttribute("href");
    part.replaceChildren(...document.importNode(other, true).childNodes);
    for (const each of part.querySelectorAll("details")) {
      if (open.has(nameOf(each))) each.open = true;
    }
    if (link) part.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close(); // a browser opens six connections to a server, and tabs are many
    } else startAgain();
  });
  setInterval(() => {
    if (!document.hidden) soon();
  }, CLOCKS_MS);
  if (!document.hidden) listen();
})();
