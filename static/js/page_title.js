// <page-title hidden>Completed: waitpoint_…</page-title>
// comes with a part that was pushed to an open page, and names the page anew. A part that is pushed again
// is morphed, so the element stays and only its words change.
customElements.define("page-title", class extends HTMLElement {
  connectedCallback() {
    this.watch = new MutationObserver(() => this.say());
    this.watch.observe(this, { childList: true, characterData: true, subtree: true });
    this.say();
  }

  disconnectedCallback() {
    this.watch.disconnect();
  }

  say() {
    const [, frame = ""] = document.title.split(/(?= · [^·]*$)/);
    document.title = this.textContent.trim() + frame;
  }
});
