// <copy-button for="callback_url"><button type="button" class="button">Copy</button></copy-button>
// copies the text of the element it is for, and says so.
customElements.define("copy-button", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }

  async handleEvent(event) {
    const label = event.target.closest("button")?.querySelector("[data-label]");
    const source = document.getElementById(this.getAttribute("for"));
    if (!label || !source) return;
    const done = await copy(source);
    label.textContent = done ? "Copied" : "Press Ctrl+C";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { label.textContent = "Copy"; }, 2000);
  }
});

async function copy(source) {
  const text = "value" in source ? source.value : source.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
    return true;
  } catch {
    // Without https there is no clipboard API: select the text, and copy the old way.
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
