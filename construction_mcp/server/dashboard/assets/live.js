// Keeps an open page fresh: hears of changes on our own stream, fetches the page again and puts in what differs.
// Nothing is needed for reading: without this script a page is as true as when it was loaded.
"use strict";
(() => {
  const link = document.getElementById("link");
  const told = document.getElementById("told");
  // The one way in which text becomes elements here: a page that this server rendered and escaped.
  const own = window.trustedTypes
    ? window.trustedTypes.createPolicy("own-pages", { createHTML: (text) => text })
    : { createHTML: (text) => text };
  let stream = null;
  let loading = false;
  let again = false;

  const say = (text, isLive) => {
    link.hidden = false;
    link.textContent = text;
    link.classList.toggle("live", isLive);
  };

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      time.title = moment.toLocaleString();
      if (/^\d\d:\d\d:\d\d$/.test(time.textContent)) time.textContent = moment.toTimeString().slice(0, 8);
    }
  };

  const asked = (root) => {
    const count = root.querySelector("#menu .count");
    return count ? Number.parseInt(count.textContent, 10) : 0;
  };

  // Whoever goes by keyboard stays where they are.
  const exchange = (part, next) => {
    const held = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(document.adoptNode(next));
    if (held) next.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  };

  const put = (fresh) => {
    const before = asked(document);
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && !part.isEqualNode(next)) exchange(part, next);
    }
    localTimes(document);
    const after = asked(document);
    if (after !== before) told.textContent = after === 1 ? "1 approval waits for you" : `${after} approvals wait for you`;
  };

  const refresh = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      do {
        again = false;
        const answer = await fetch(location.href, { headers: { "x-asked-by": "script" }, redirect: "manual" });
        if (answer.type === "opaqueredirect" || answer.status === 401) {
          leave();
          say("Signed out. Reload to sign in again.", false);
          return;
        }
        if (answer.ok) put(new DOMParser().parseFromString(own.createHTML(await answer.text()), "text/html"));
      } while (again);
    } catch {
      say("Not connected. What you see may be old.", false);
    } finally {
      loading = false;
    }
  };

  const leave = () => {
    if (stream) stream.close();
    stream = null;
  };

  const listen = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/dashboard/live");
    stream.addEventListener("open", () => say("Live", true));
    stream.addEventListener("news", refresh);
    stream.addEventListener("error", () => {
      say("Not connected. What you see may be old.", false);
      if (stream && stream.readyState === EventSource.CLOSED) refresh();
    });
  };

  // A browser allows a server six connections: pages that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      leave();
    } else {
      listen();
      refresh();
    }
  });
  localTimes(document);
  listen();
})();
