// Live updates: data-live is a stream, and each of its messages has data-fragments fetched and swapped in.
const SLOTS = 3; // of the six connections that a browser opens to an origin
// After a message, ms until the fragments are fetched: soon, and again while its effects settle.
const AFTER = [100, 1000, 2500, 6000];

const LONGEST = 3000;
const root = document.querySelector("[data-live], [data-fragments]");
const fragments = (root.dataset.fragments ?? "").split(" ").filter(Boolean).map(pair => {
  const at = pair.indexOf("=");
  return { selector: pair.slice(0, at), path: pair.slice(at + 1), text: null };
});
const state = document.querySelector("[data-live-state]");
const pause = document.querySelector("[data-pause]");
const news = document.querySelector("[data-news]");
const streams = root.dataset.live;
const POLL = Number(root.dataset.every ?? 1000);
let last = streams ? new URL(streams, location).searchParams.get("after") : null;
let source = null, release = null, poll = null, retry = null;
let timers = [];
let failures = 0, isPaused = false, isHere = !document.hidden, isAway = false, isBusy = false, isStale = false, isTaking = false;

const say = (text, kind) => { if (state) { state.hidden = false; state.textContent = text; state.className = `live-state ${kind}`; } };
const away = now => {
  if (now !== isAway) dispatchEvent(new Event(now ? "shop:away" : "shop:back"));
  isAway = now;
};
const login = () => location.assign(`/console/login?next=${encodeURIComponent(root.dataset.page ?? location.pathname)}`);

// Swaps in a fragment, alone or in its page, and keeps what the reader had: focus, open entries, scroll.
const swap = (old, html) => {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const page = body.querySelector(`#${CSS.escape(old.id)}`) ?? body;
  const active = old.contains(document.activeElement) && document.activeElement;
  const summaryOf = active && active.matches("summary") && active.parentElement.id;
  for (const details of old.querySelectorAll("details[id]")) page.querySelector(`#${CSS.escape(details.id)}`)?.toggleAttribute("open", details.open);
  const scrolled = [...old.querySelectorAll(".scroll[id]")].map(one => [one.id, one.scrollLeft, one.scrollLeft + one.clientWidth >= one.scrollWidth - 8]);
  const before = old.querySelector("[data-announce]")?.textContent;
  old.replaceChildren(...page.childNodes);
  for (const [id, left, atEnd] of scrolled) {
    const one = document.getElementById(id);
    if (one) one.scrollLeft = atEnd ? one.scrollWidth : left;
  }
  const again = summaryOf ? document.querySelector(`#${CSS.escape(summaryOf)} > summary`) : active && active.id && document.getElementById(active.id);
  if (again) again.focus({ preventScroll: true });
  const after = old.querySelector("[data-announce]")?.textContent;
  if (news && after && after !== before) news.textContent = after;
};

const refresh = async () => {
  if (!isHere) return;
  if (isBusy) { isStale = true; return; }
  isBusy = true;
  try {
    const responses = await Promise.all(fragments.map(({ path }) => fetch(path, { headers: { Accept: "text/html" } })));
    if (responses.some(response => response.status === 401 || response.redirected && new URL(response.url).pathname === "/console/login")) return login();
    for (const [place, response] of responses.entries()) {
      if (!response.ok) continue;
      const fragment = fragments[place];
      const text = await response.text();
      const old = document.querySelector(fragment.selector);
      const isTyping = old?.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
      if (!old || isTyping || text === fragment.text) continue;
      // A form that was sent is kept: its replacement could be sent again.
      if (old.querySelector("[data-sent]")) continue;
      fragment.text = text;
      swap(old, text);
    }
    away(responses.every(response => response.status >= 502));
  } catch {
    away(true);
  } finally {
    isBusy = false;
    if (isStale) { isStale = false; refresh(); }
  }
};
const soon = () => {
  const [first, ...later] = timers;
  later.forEach(clearTimeout);
  timers = AFTER.map((ms, place) => place === 0 && first ? first : setTimeout(() => { if (place === 0) timers[0] = null; refresh(); }, ms));
};

const close = () => {
  source?.close();
  source = null;
  clearTimeout(retry);
  clearInterval(poll);
  poll = null;
  timers.forEach(clearTimeout);
  timers = [];
};
const connect = () => {
  if (isPaused || !isHere || source) return;
  const url = new URL(streams, location);
  if (last !== null) url.searchParams.set("after", last);
  source = new EventSource(url);
  source.onopen = () => { failures = 0; say("Live", "on"); away(false); soon(); };
  source.onmessage = event => { if (event.lastEventId) last = event.lastEventId; soon(); };
  // If the response is not a stream, the browser does not retry, so this script makes all retries. The fetch detects an ended session.
  source.onerror = () => {
    source?.close();
    source = null;
    say("Reconnecting", "off");
    refresh();
    retry = setTimeout(connect, Math.min(LONGEST, 250 * 2 ** failures++));
  };
};
const startPolling = () => {
  if (poll || isPaused || !isHere) return;
  say("Live", "on");
  poll = setInterval(() => navigator.onLine && refresh(), POLL);
};

// Each slot is a lock. A tab without a slot polls, and tries to get one again.
const takeSlot = async () => {
  // Only a secure context has locks. Without locks, a tab cannot know of the others.
  if (!navigator.locks) return false;
  for (let slot = 0; slot < SLOTS; slot++) {
    const got = await new Promise(resolve => {
      navigator.locks.request(`shipyard-stream-${slot}`, { ifAvailable: true }, lock => {
        if (!lock) return resolve(false);
        resolve(true);
        return new Promise(done => { release = done; });
      }).catch(() => resolve(false));
    });
    if (got) return true;
  }
  return false;
};
const start = async () => {
  if (isPaused || !isHere || source || release || isTaking) return;
  isTaking = true;
  const got = streams && await takeSlot();
  isTaking = false;
  // Paused or hidden while it waited: the slot is another tab's.
  if (isPaused || !isHere) return stop();
  if (got) { clearInterval(poll); poll = null; connect(); } else startPolling();
};
const stop = () => { close(); release?.(); release = null; };

if (pause) {
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    if (isPaused) { stop(); say("Paused", ""); } else { start(); refresh(); }
  });
}
// A hidden page sends nothing: a request is a use of the session, which could never become idle.
const look = () => {
  isHere = !document.hidden;
  if (!isHere) return stop();
  start();
  if (!isPaused) refresh();
};
addEventListener("visibilitychange", look);
addEventListener("pagehide", () => { isHere = false; stop(); });
addEventListener("pageshow", event => { if (event.persisted) look(); });
addEventListener("offline", () => { close(); say("Offline", "off"); });
addEventListener("online", () => { failures = 0; if (release) connect(); else start(); refresh(); });
setInterval(() => { if (poll && streams) start(); }, 5 * POLL);
start();

const drawing = document.querySelector("[data-newest]");
if (drawing) drawing.scrollLeft = drawing.scrollWidth;
