// <local-zone><input name="/when:zone" value="UTC"></local-zone>
// fills in the time zone of the reader's browser; `said`: it is known already. What the reader typed stays.
customElements.define("local-zone", class extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || !input || this.hasAttribute("said") || input.value !== input.defaultValue) return;
    input.value = input.defaultValue = zone; // as if it had been drawn so: nobody has typed it
  }
});
