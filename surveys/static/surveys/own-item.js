// Arrow keys turn the pages of a reader's results.
(function () {
  "use strict";

  const TURNS = { ArrowLeft: "prev", ArrowRight: "next" };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !TURNS[event.key]) return;
    const link = document.querySelector(`a[rel=${TURNS[event.key]}]`);
    if (link) link.click();
  });
})();
