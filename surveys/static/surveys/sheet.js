// A page of words with one button. Without a line its form waits here, instead of at the browser's own page of errors.
(function () {
  "use strict";

  const told = document.getElementById("offline");

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
