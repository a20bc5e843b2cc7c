"use strict";
(() => {
  const form = document.getElementById("filter");
  const findings = [...document.querySelectorAll(".finding")].map((element) => ({
    element, text: element.textContent.toLowerCase(),
  }));
  const fields = [...form.elements].filter((field) => field.name);

  const show = () => {
    let number = 0;
    for (const { element, text } of findings) {
      const hidden = fields.some(({ name, value }) => value &&
        (name === "text" ? !text.includes(value.toLowerCase()) : element.dataset[name] !== value));
      element.hidden = hidden;
      number += hidden ? 0 : 1;
    }
    document.getElementById("shown").textContent = `${number} of ${findings.length}`;
  };

  const read = () => {
    const hash = location.hash.slice(1);
    const target = hash && !hash.includes("=") ? document.getElementById(hash) : null;
    if (target) { // a link to a finding that the filter may hide
      for (let element = target; element; element = element.parentElement) {
        element.hidden = false;
        if (element.tagName === "DETAILS") element.open = true;
      }
      target.scrollIntoView();
      return;
    }
    const wanted = new URLSearchParams(hash);
    for (const field of fields) field.value = wanted.get(field.name) ?? "";
    show();
  };

  form.addEventListener("input", () => {
    const wanted = fields.filter((field) => field.value).map((field) => [field.name, field.value]);
    history.replaceState(null, "", `#${new URLSearchParams(wanted)}`);
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open").addEventListener("click", () => {
    for (const { element } of findings) if (!element.hidden) element.open = true;
  });

  for (const box of document.querySelectorAll(".fix")) {
    const code = box.firstElementChild;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
    box.prepend(button);
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code); // what remains where the clipboard is closed
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch { button.textContent = "Selected"; }
    });
  }

  form.hidden = false;
  addEventListener("hashchange", read);
  show();
  read();
})();
