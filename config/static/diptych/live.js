// A part of the page that replaces itself while a run trains keeps open what the reader has opened, and the focus (htmx
// gives it back to elements with an id; the summary has none of its own).
(() => {
  let open = [];
  let summary = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    open = [...part.querySelectorAll("details[id][open]")].map((one) => one.id);
    const focused = document.activeElement;
    summary = part.contains(focused) && focused.matches("details[id] > summary") ? focused.parentElement.id : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (summary) document.querySelector(`#${summary} > summary`)?.focus();
  });
})();
