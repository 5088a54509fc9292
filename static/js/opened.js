// Tells once that a person is before the page: a hand or a keyboard moved. Programs that look at links
// load pages and scroll them, and are not counted.
const signs = ["pointermove", "pointerdown", "keydown", "touchstart"];

function tell() {
  for (const sign of signs) removeEventListener(sign, tell);
  fetch(`${location.pathname}/opened`, { method: "POST", keepalive: true }).catch(() => {});
}

if (document.querySelector("meta[name=opened]")) {
  for (const sign of signs) addEventListener(sign, tell, { passive: true });
}
