// Waitpoint on your own page: a small ES module without dependencies.
//
//   import { completeToken } from "https://wait.example.com/static/waitpoint.js";
//   await completeToken({ id, token: publicAccessToken, data: { approved: true } });
//
//   <script type="module" src="https://wait.example.com/static/waitpoint.js"></script>
//   <waitpoint-form token-id="waitpoint_…" access-token="eyJ…"></waitpoint-form>
//
// The public access token is the whole permission: it opens this one token, for as long as it is good.
import "./js/form_case.js";
import { isHalfTyped } from "./js/half_typed.js";
import "./js/local_zone.js";

const OUR_URL = new URL(import.meta.url).origin;
const STYLES = new URL("css/elsewhere.css", import.meta.url).href;

// Every script that came with the page has run by then, and so has said which events it listens to.
const PAGE_LISTENS = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  document.addEventListener("DOMContentLoaded", resolve, { once: true });
  window.addEventListener("load", resolve, { once: true });
});

// What the server did not accept: `status`, the sentence as `message`, and `errors` with a JSON pointer for each field.
export class WaitpointError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.error || `The server answered ${status}.`);
    this.name = "WaitpointError";
    this.status = status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
  }
}

// Completes a token. Resolves to { success, alreadyCompleted? }; rejects with a WaitpointError.
export async function completeToken({ url = OUR_URL, id, token, data }) {
  const { status, body } = await ask(url, `${id}/complete`, token, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data }),
  });
  if (status !== 200) throw new WaitpointError(status, body);
  return body;
}

async function ask(url, path, token, { headers, ...options } = {}) {
  const [id, door] = path.split("/");
  const address = `${url.replace(/\/$/, "")}/api/v1/waitpoints/tokens/${encodeURIComponent(id)}/${door}`;
  const answer = await fetch(address, {
    ...options,
    headers: { ...headers, Authorization: `Bearer ${token}` },
    credentials: "omit",
    cache: "no-store",
  });
  const body = await answer.json().catch(() => ({}));
  return { status: answer.status, body };
}

// Draws the form of a token and sends it. Attributes: token-id, access-token, and url for a server elsewhere.
// Events, which bubble: waitpoint-answered when the answer was recorded, waitpoint-late when there is none to give
// any more, waitpoint-failed with { error } when the server cannot be asked. None comes before the page has loaded its
// scripts, so that none is missed.
export class WaitpointForm extends HTMLElement {
  static observedAttributes = ["token-id", "access-token", "url"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const styles = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLES });
    this.page = Object.assign(document.createElement("div"), { className: "door elsewhere" });
    root.append(styles, this.page);
    root.addEventListener("submit", (event) => this.submitted(event));
    root.addEventListener("click", (event) => this.clicked(event));
  }

  connectedCallback() {
    this.load();
  }

  attributeChangedCallback(name, before, now) {
    if (this.isConnected && before !== null && before !== now) this.load();
  }

  async load() {
    const asked = (this.asked = {});
    if (!this.getAttribute("token-id") || !this.getAttribute("access-token")) return;
    const answer = await this.ask();
    if (asked !== this.asked || !answer) return; // another one was asked for meanwhile
    this.draw(answer.body);
    if (answer.body.isSettled) this.tell("waitpoint-late");
  }

  async submitted(event) {
    event.preventDefault();
    if (this.isSending || isHalfTyped(event)) return;
    this.isSending = true;
    this.page.setAttribute("aria-busy", "true");
    const filled = new FormData(event.target, event.submitter);
    const body = event.target.enctype === "multipart/form-data" ? filled : new URLSearchParams(filled);
    const answer = await this.ask({ method: "POST", body });
    this.isSending = false;
    this.page.removeAttribute("aria-busy");
    if (!answer) return; // what was typed is still there
    this.draw(answer.body);
    this.focusOn(this.page.querySelector("#error_summary, [autofocus]") ?? this.page.querySelector("h2"));
    if (answer.body.isSettled) this.tell(answer.status === 200 ? "waitpoint-answered" : "waitpoint-late");
  }

  // Links inside a shadow root do not lead to places in it by themselves.
  clicked(event) {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    this.focusOn(this.shadowRoot.getElementById(link.hash.slice(1)));
  }

  async ask(options) {
    try {
      const url = this.getAttribute("url") || OUR_URL;
      const answer = await ask(url, `${this.getAttribute("token-id")}/form`, this.getAttribute("access-token"), options);
      if (typeof answer.body.html !== "string") throw new WaitpointError(answer.status, answer.body);
      this.shadowRoot.querySelector("[role=alert].failed")?.remove();
      return answer;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  draw({ html }) {
    this.page.innerHTML = html; // made by the server that this module came from, with everything that people wrote escaped
  }

  fail(error) {
    const words = error instanceof WaitpointError ? error.message : "The server cannot be reached. Try again in a moment.";
    this.shadowRoot.querySelector("[role=alert].failed")?.remove();
    const notice = Object.assign(document.createElement("p"), { className: "notice notice--bad failed", textContent: words });
    notice.setAttribute("role", "alert");
    this.page.before(notice);
    this.tell("waitpoint-failed", { error });
  }

  focusOn(element) {
    if (!element) return;
    if (element.tabIndex < 0) element.tabIndex = -1;
    element.focus();
    element.scrollIntoView({ block: "nearest" });
  }

  async tell(name, detail = {}) {
    await PAGE_LISTENS;
    const event = { bubbles: true, composed: true, detail: { id: this.getAttribute("token-id"), ...detail } };
    this.dispatchEvent(new CustomEvent(name, event));
  }
}

customElements.define("waitpoint-form", WaitpointForm);
