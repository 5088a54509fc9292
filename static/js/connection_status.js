// <connection-status>
//   <span class="words" role="status"></span>
//   <span data-socket hx-ws:connect="/live/tokens" hx-swap="none" …></span>
// </connection-status>
// says whether the page is live, and sees to it that it becomes so again. htmx swaps what the socket brings;
// opening it again is done here, because a page must recover from every close code and from a connection
// that is dead without knowing it. The server sends something at once and every 10 s, if only {"ping":…}.

const SILENCE = 25_000; // ms without a word: the connection is dead, whatever the browser believes
const PATIENCE = 5_000; // ms without a connection before the page begins to ask
const ASK_EVERY = 10_000; // ms
const RETRY = [300, 600, 1200, 2400, 4000]; // ms, half of it random, so that a thousand pages do not knock at once

const WORDS = {
  live: "live",
  reconnecting: "reconnecting",
  asking: "not live: asking every 10 s",
};

customElements.define("connection-status", class extends HTMLElement {
  connectedCallback() {
    this.attempt = 0;
    this.heard = Date.now();
    this.lost = Date.now();
    this.asked = 0;
    this.knocked = Date.now();
    this.leaving = new AbortController();
    const until = { signal: this.leaving.signal };
    this.addEventListener("htmx:ws:before:message:incoming", () => this.hear(), until);
    this.addEventListener("htmx:ws:close", (event) => this.closed(event), until);
    addEventListener("online", () => this.knock(), until);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); }, until);
    document.addEventListener("region:stale", () => setTimeout(refresh, 1500), until);
    this.clock = setInterval(() => this.look(), 1000);
    if (this.isOpen) this.hear(); // htmx was here first, and its events are over
    else this.look();
  }

  disconnectedCallback() {
    this.leaving.abort();
    clearInterval(this.clock);
    clearTimeout(this.retry);
  }

  // A socket that opens proves little: something on the way may hold everything back. The server speaks first.
  hear() {
    this.attempt = 0;
    this.heard = Date.now();
    this.lost = null;
    this.say("live");
  }

  closed(event) {
    if (event.detail.reason === "removed" || event.target !== this.socket) return;
    this.lost ??= Date.now();
    if (this.dataset.state) this.say(this.dataset.state === "asking" ? "asking" : "reconnecting");
    this.knockLater();
  }

  look() {
    const now = Date.now();
    if (this.lost === null && now - this.heard > SILENCE) {
      this.lost = this.heard;
      this.knock();
    }
    if (this.lost === null) return;
    if (!this.retry && (this.isClosed || now - this.knocked > SILENCE)) this.knockLater();
    const gone = now - this.lost;
    if (gone > PATIENCE) this.say("asking");
    else if (gone > 1000) this.say("reconnecting");
    if (this.dataset.state === "asking" && now - this.asked >= ASK_EVERY) {
      this.asked = now;
      refresh();
    }
  }

  knockLater() {
    clearTimeout(this.retry);
    const delay = RETRY[Math.min(this.attempt++, RETRY.length - 1)];
    this.retry = setTimeout(() => this.knock(), delay / 2 + Math.random() * delay / 2);
  }

  // A fresh element is a fresh connection; htmx closes the old one as it leaves.
  knock() {
    clearTimeout(this.retry);
    this.retry = null;
    this.knocked = Date.now();
    const old = this.socket;
    if (!old || !window.htmx) return;
    const fresh = old.cloneNode(false);
    fresh.removeAttribute("data-htmx-powered");
    htmx.swap({ sourceElement: this, target: old, swap: "outerHTML", text: fresh.outerHTML });
  }

  get socket() {
    return this.querySelector("[data-socket]");
  }

  // htmx keeps the connection on the element, and forgets it once it is closed.
  get readyState() {
    return this.socket?._htmx?.ws?.connection?.socket?.readyState;
  }

  get isOpen() {
    return this.readyState === WebSocket.OPEN;
  }

  // Not while htmx is still to wake up: then there was no connection yet.
  get isClosed() {
    const isAwake = this.socket?._htmx?.ws?.initialized;
    return isAwake && (this.readyState === undefined || this.readyState >= WebSocket.CLOSING);
  }

  say(state) {
    if (this.dataset.state === state) return;
    this.dataset.state = state;
    this.querySelector(".words").textContent = WORDS[state];
  }
});

// Ask for the page again and take over its live region, if it is another one than ours.
// One that did not change is left alone, with whatever is being typed in it.
async function refresh() {
  const region = document.getElementById("live");
  if (!region || !window.htmx) return;
  const response = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (response?.status === 401) return location.reload(); // signed out meanwhile: the page says how to get in
  if (!response?.ok && response?.status !== 409) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("live");
  if (!fresh || fresh.dataset.version === region.dataset.version) return;
  document.title = page.title;
  // A field that is morphed would take what was typed for one question along into the next.
  const swap = region.querySelector("keep-typed") ? "outerHTML" : "outerMorph";
  await htmx.swap({ sourceElement: region, target: region, swap, text: fresh.outerHTML });
  document.getElementById("announcement").textContent = "This page was updated.";
}
