// <theme-switch><button type="button" class="button button--bare">…</button></theme-switch>
// goes round: as the system, light, dark. The choice is a cookie, so that the server draws the page in it from the first byte.
const CHOICES = ["system", "light", "dark"];

customElements.define("theme-switch", class extends HTMLElement {
  connectedCallback() {
    this.choice = document.documentElement.dataset.theme ?? "system";
    this.draw();
    this.addEventListener("click", () => this.choose(CHOICES[(CHOICES.indexOf(this.choice) + 1) % CHOICES.length]));
  }

  choose(choice) {
    this.choice = choice;
    const age = choice === "system" ? 0 : 31536000; // a year, in seconds
    document.cookie = `theme=${choice}; Path=/; SameSite=Lax; Max-Age=${age}`;
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    this.draw();
  }

  draw() {
    const words = { system: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" }[this.choice];
    const button = this.querySelector("button");
    button.setAttribute("aria-label", words);
    button.title = words;
  }
});
