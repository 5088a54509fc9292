// <count-down until="2026-11-22T14:05:00Z">3 h 12 min</count-down>
// counts down in place; the last ten minutes by the second. Not announced: the deadline stands beside it in words.
import { duration } from "./words.js";

customElements.define("count-down", class extends HTMLElement {
  connectedCallback() {
    this.until = Date.parse(this.getAttribute("until"));
    this.tick();
    this.timer = setInterval(() => this.tick(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  tick() {
    const left = (this.until - Date.now()) / 1000;
    const words = left <= 0 ? "time is up" : left < 600 && left >= 60 ? closely(left) : duration(left);
    if (this.textContent !== words) this.textContent = words;
    this.classList.toggle("is-near", left < 600);
    if (left <= 0) {
      clearInterval(this.timer);
      document.dispatchEvent(new CustomEvent("region:stale"));
    }
  }
});

function closely(seconds) {
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
}
