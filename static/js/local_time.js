// <local-time><time datetime="…">12 min ago</time></local-time>
// keeps the words right and says the exact moment, in the reader's zone, on hover.
// <local-time full> shows the exact moment itself.
import { exact, relative } from "./words.js";

const shown = new Set();

customElements.define("local-time", class extends HTMLElement {
  connectedCallback() {
    shown.add(this);
    this.draw(Date.now());
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  draw(now) {
    const time = this.querySelector("time");
    const date = new Date(time?.dateTime ?? "");
    if (Number.isNaN(date.valueOf())) return;
    const words = this.hasAttribute("full") ? exact(date) : relative(date, now);
    if (time.textContent !== words) time.textContent = words;
    time.title = exact(date);
  }
});

setInterval(() => {
  const now = Date.now();
  for (const element of shown) element.draw(now);
}, 15_000);
