// <keep-typed></keep-typed> inside a form: when the form is taken away with the live part of its page, what was typed
// into it and not sent is shown in the part of the page with the id "typed".
// `all`: the form was drawn with what had been typed before, so all that is filled in counts.
const NEVER_SHOWN = new Set(["hidden", "password", "file", "submit", "fieldset", "output"]);

customElements.define("keep-typed", class extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
  }

  disconnectedCallback() {
    const section = document.getElementById("typed");
    if (!section || this.form.dataset.sent) return; // what was sent is answered by the next page
    for (const [label, texts] of typedIn(this.form, this.hasAttribute("all"))) {
      section.querySelector("dl").append(row(label, texts.join(", ")));
      section.hidden = false;
    }
  }
});

// The texts of the fields that a person has changed, by the labels of the fields.
function typedIn(form, all) {
  const fields = [...form.elements].filter((field) => field.name && !NEVER_SHOWN.has(field.type));
  const changed = new Set(fields.filter((field) => all || isChanged(field)).map((field) => field.name));
  const typed = new Map();
  for (const field of fields) {
    const text = changed.has(field.name) && !isZoneOfNothing(field) ? textOf(field) : "";
    if (text) typed.set(labelOf(field), [...(typed.get(labelOf(field)) ?? []), text]);
  }
  return typed;
}

function isChanged(field) {
  if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

// A time zone stands there beforehand, and says nothing without a time.
function isZoneOfNothing(field) {
  return field.name.endsWith(":zone") && !field.form.elements[field.name.slice(0, -":zone".length)]?.value;
}

function textOf(field) {
  if (field.options) return [...field.selectedOptions].map((option) => option.value && option.text).join(", ");
  if (field.type !== "checkbox" && field.type !== "radio") return field.value.trim();
  if (!field.checked || !field.value) return "";
  return isOneOfSeveral(field) ? captionIn(ownLabelOf(field)) : "Yes";
}

// Its own label, behind the legends of the groups that it belongs to.
function labelOf(field) {
  const captions = isOneOfSeveral(field) ? [] : [captionIn(ownLabelOf(field))];
  for (let group = field.closest("fieldset"); group; group = group.parentElement.closest("fieldset")) {
    captions.unshift(captionIn(group.querySelector(":scope > legend")));
  }
  return captions.filter(Boolean).join(", ");
}

// Looked up by hand: a browser knows no labels of what is not in the page any more.
function ownLabelOf(field) {
  return field.form.querySelector(`label[for="${CSS.escape(field.id)}"]`);
}

function isOneOfSeveral(field) {
  return field.closest(".choices") !== null;
}

// Without the "(optional)" behind it.
function captionIn(element) {
  return element?.firstChild?.textContent.trim() ?? "";
}

function row(label, text) {
  const [row, name, value, words] = ["div", "dt", "dd", "span"].map((tag) => document.createElement(tag));
  name.textContent = label;
  words.className = "text";
  words.textContent = text;
  value.append(words);
  row.append(name, value);
  return row;
}
