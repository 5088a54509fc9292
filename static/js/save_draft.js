// <save-draft url="…"></save-draft> inside a form saves what is typed, soon after a pause, and says so.
// Without it the button beside it does the same.
// Only what was changed on this device is sent, so that two that are open at once do not undo each other.
// `unsaved`: the form holds what was typed before it was drawn again, so all that is filled in counts as changed, too.

const PAUSE = 1200; // ms without typing

customElements.define("save-draft", class extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.leaving = new AbortController();
    const until = { signal: this.leaving.signal };
    this.before = textsIn(new FormData(this.form)); // as it was drawn, or saved last
    this.isSaved = !this.hasAttribute("unsaved");
    this.form.addEventListener("input", () => this.later(), until);
    this.form.addEventListener("change", () => this.later(), until);
    this.form.addEventListener("submit", (event) => this.send(event), until);
    this.form.addEventListener("formdata", (event) => this.narrow(event.formData), until);
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
    const typed = textsIn(new FormData(this.form));
    const body = new URLSearchParams(this.changesIn(typed));
    const options = { method: "POST", body, keepalive: body.toString().length < 60_000 };
    const answer = await fetch(this.getAttribute("url"), options).catch(() => null);
    if (answer?.ok) [this.before, this.isSaved] = [typed, true];
    this.textContent = answer?.ok ? "Saved" : "Not saved yet";
  }

  send(event) {
    clearTimeout(this.timer);
    this.isSaving = event.submitter?.name === "save";
  }

  // What the button "Save and go on later" sends.
  narrow(formData) {
    if (!this.isSaving) return;
    this.isSaving = false;
    const typed = textsIn(formData);
    for (const name of typed.keys()) formData.delete(name);
    for (const [name, text] of this.changesIn(typed)) formData.append(name, text);
  }

  changesIn(typed) {
    const isChanged = (name) => typed.get(name) !== (this.before.get(name) ?? "") || (!this.isSaved && typed.get(name));
    const changed = [...typed].filter(([name]) => isChanged(name) || isChanged(timeOf(name)));
    const gone = [...this.before.keys()].filter((name) => !typed.has(name));
    return [...changed, ["part", "yes"], ...(gone.length ? [["gone", gone.join("\n")]] : [])];
  }
});

// The time that a zone belongs to: saved without its zone, it would be another one where the draft is opened next.
function timeOf(name) {
  return name.endsWith(":zone") ? name.slice(0, -":zone".length) : name;
}

function textsIn(formData) {
  return new Map([...formData].filter(([, value]) => typeof value === "string"));
}
