// <page-title hidden>Completed: waitpoint_…</page-title>
// comes with a part that was pushed to an open page, and names the page anew.
customElements.define("page-title", class extends HTMLElement {
  connectedCallback() {
    const [, frame = ""] = document.title.split(/(?= · [^·]*$)/);
    document.title = this.textContent.trim() + frame;
  }
});
