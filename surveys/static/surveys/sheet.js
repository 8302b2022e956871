// A page of words with one button. Without a line its form waits here, instead of at the browser's own page of errors.
(function () {
  "use strict";

  const told = document.getElementById("offline");
  const before = window.diptych.toldBefore();

  if (before) {
    const line = document.createElement("p");
    line.className = "notice";
    line.setAttribute("role", "status");
    line.textContent = before;
    document.querySelector("main").prepend(line);
  }

  document.addEventListener("submit", (event) => {
    if (navigator.onLine) return;
    event.preventDefault();
    told.hidden = false;
    window.addEventListener("online", () => {
      told.hidden = true;
      event.target.submit();
    }, { once: true });
  });
})();
