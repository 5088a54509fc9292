// <new-arrivals id="token_news"></new-arrivals>
// "3 new" is said here and waits, because a new row would move the list under the finger.
// An empty list has nothing to move: it draws itself anew at once.
customElements.define("new-arrivals", class extends HTMLElement {
  connectedCallback() {
    this.watch = new MutationObserver(() => {
      const link = this.querySelector("a");
      if (link && !document.querySelector("#live .row")) location.assign(link.href);
    });
    this.watch.observe(this, { childList: true });
  }

  disconnectedCallback() {
    this.watch.disconnect();
  }
});
