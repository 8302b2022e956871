// A page of words with one button. Without a line its form waits here, instead of at the browser's own page of errors.
(function () {
  "use strict";

  const told = document.getElementById("offline");
  const before = window.diptych.toldBefore();
  let waiting = false;
  let through = false;

  if (before) {
    const line = document.createElement("p");
    line.className = "notice";
    line.setAttribute("role", "status");
    line.textContent = before;
    document.querySelector("main").prepend(line);
  }

  document.addEventListener("submit", async (event) => {
    if (through) return;
    event.preventDefault();
    if (waiting) return;
    waiting = true;
    await window.diptych.onceReached(() => { told.hidden = false; });
    told.hidden = true;
    waiting = false;
    through = true;
    event.target.requestSubmit(event.submitter);
    through = false;
  });
})();
