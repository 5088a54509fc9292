// A date that was typed only half is empty to its form, and nobody would hear of it: an answer that needs the form is
// not sent then, and the browser says at the field what is missing. Everything else about a form the server judges.
export function isHalfTyped(event) {
  const button = event.submitter;
  if (button?.name !== "decision" || button.formNoValidate) return false;
  const field = [...event.target.elements].find((each) => each.validity?.badInput);
  field?.reportValidity();
  return field !== undefined;
}
