// A part of the page that replaces itself while a run trains keeps open what the reader has opened, and the focus (htmx
// gives it back to elements with an id; the summary has none of its own), and how far its log is scrolled. What such a part
// has to say (data-said) is read aloud when it changes, by the line beside it that carries the part's id (data-says).
(() => {
  let open = [];
  let summary = null;
  let scrolled = null; // of the log; null at its end, where new lines come
  const say = () => {
    for (const line of document.querySelectorAll("[data-says]")) {
      const words = document.getElementById(line.dataset.says)?.dataset.said ?? "";
      if (line.textContent !== words) line.textContent = words;
    }
  };
  const toEnd = (log) => log && (log.scrollTop = scrolled ?? log.scrollHeight);
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    open = [...part.querySelectorAll("details[id][open]")].map((one) => one.id);
    const focused = document.activeElement;
    const log = part.querySelector(".log");
    scrolled = log && log.scrollTop + log.clientHeight < log.scrollHeight - 8 ? log.scrollTop : null;
    summary = part.contains(focused) && focused.matches("details[id] > summary") ? focused.parentElement.id : null;
  });
  toEnd(document.querySelector(".log"));
  document.addEventListener("htmx:afterSwap", () => {
    say();
    toEnd(document.querySelector(".log"));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (summary) document.querySelector(`#${summary} > summary`)?.focus();
  });
})();
