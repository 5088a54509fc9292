// <save-draft url="…"></save-draft> inside a form saves what is typed, soon after a pause, and says so.
// Without it the button beside it does the same.

const PAUSE = 1200; // ms without typing

customElements.define("save-draft", class extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.leaving = new AbortController();
    const until = { signal: this.leaving.signal };
    this.form.addEventListener("input", () => this.later(), until);
    this.form.addEventListener("change", () => this.later(), until);
    this.form.addEventListener("submit", () => clearTimeout(this.timer), until);
    document.addEventListener("visibilitychange", () => { if (document.hidden && this.timer) this.save(); }, until);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.leaving.abort();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  async save() {
    clearTimeout(this.timer);
    this.timer = null;
    const fields = [...new FormData(this.form)].filter(([, value]) => typeof value === "string");
    const body = new URLSearchParams(fields);
    const options = { method: "POST", body, keepalive: body.toString().length < 60_000 };
    const answer = await fetch(this.getAttribute("url"), options).catch(() => null);
    this.textContent = answer?.ok ? "Saved" : "Not saved yet";
  }
});
