// <form-case when='[["/kind", ["company"]]]'> … </form-case>
// shows its fields while the controls of that name hold one of those texts; {"not": […]} while they do not.
// Without a script the fields are there all the time and say when they count; the server decides either way.
customElements.define("form-case", class extends HTMLElement {
  connectedCallback() {
    const when = JSON.parse(this.getAttribute("when") || "null");
    this.form = this.closest("form");
    if (!when || !this.form) return;
    this.wanted = when.not ?? when;
    this.isNegated = "not" in when;
    this.look = () => this.draw();
    this.form.addEventListener("change", this.look);
    this.draw();
  }

  disconnectedCallback() {
    this.form?.removeEventListener("change", this.look);
  }

  draw() {
    const given = new FormData(this.form);
    const holds = this.wanted.every(([name, texts]) => texts.includes(given.get(name) ?? ""));
    this.hidden = holds === this.isNegated;
  }
});
