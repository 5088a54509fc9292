// <waiting-count value="12">12</waiting-count>
// also shows the number in the tab: on the favicon and before the title.
customElements.define("waiting-count", class extends HTMLElement {
  static observedAttributes = ["value"];

  connectedCallback() {
    this.draw();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.draw();
  }

  draw() {
    const count = this.getAttribute("value") ?? "";
    const link = document.querySelector('link[rel="icon"]');
    if (!link) return;
    link.dataset.plain ??= link.href;
    link.href = count === "0" || !count ? link.dataset.plain : `data:image/svg+xml,${encodeURIComponent(badge(count))}`;
  }
});

function badge(count) {
  const text = count.length > 2 ? "99+" : count.replace(/[^0-9]/g, "");
  const size = [0, 22, 19, 14][text.length] ?? 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#3450c4"/>` +
    `<text x="16" y="${16 + size * 0.36}" font-family="system-ui,sans-serif" font-weight="700" font-size="${size}" text-anchor="middle" fill="#fff">${text}</text></svg>`;
}
