// A search leaves out of its address what nobody filled in: /inbox?q=sale, and not /inbox?q=sale&tags=&due=
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.getAttribute("role") !== "search") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
