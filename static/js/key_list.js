// <key-list><button popovertarget="keys">Keys</button><div id="keys" popover>…</div></key-list>
// lists the keys and makes them work: ? / j k o, and a r where a row can be decided. Who does not want them switches them off there.
const OFF = "waitpoint:keys-off";

customElements.define("key-list", class extends HTMLElement {
  connectedCallback() {
    this.panel = this.querySelector("[popover]");
    this.wanted = this.querySelector("input[type=checkbox]");
    this.wanted.checked = !stored();
    this.wanted.addEventListener("change", () => store(!this.wanted.checked));
    document.addEventListener("keydown", this);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this);
  }

  handleEvent(event) {
    if (!this.wanted.checked || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const act = { "?": () => this.panel.togglePopover(), "/": find, j: () => step(1), k: () => step(-1), o: open, a: () => decide("a"), r: () => decide("r") }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
});

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") != null;
}

function find() {
  const field = document.querySelector("[data-find]");
  field?.closest("details")?.setAttribute("open", "");
  field?.focus();
}

function step(by) {
  const links = [...document.querySelectorAll(".row-link")];
  const at = links.findIndex((link) => link === document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[next]?.focus();
  links[next]?.scrollIntoView({ block: "nearest" });
}

function open() {
  if (document.activeElement?.matches(".row-link")) document.activeElement.click();
}

// By the row's own button; a row without one is opened, because there is something to fill in or to confirm.
function decide(key) {
  const row = document.activeElement?.closest?.(".inbox-row");
  (row?.querySelector(`[data-key="${key}"]`) ?? row?.querySelector(".row-link"))?.click();
}

function stored() {
  try { return localStorage.getItem(OFF) === "yes"; } catch { return false; }
}

function store(off) {
  try { localStorage.setItem(OFF, off ? "yes" : "no"); } catch { /* private window: for this page only */ }
}
