// Tells who holds the seat under the pointer or the focus, in words below the grid.
(function () {
  "use strict";

  const grid = document.getElementById("seat-grid");
  const readout = document.getElementById("seat-readout");
  const atRest = readout.textContent;

  function tell(event) {
    const seat = event.target.closest("a.seat-mark");
    readout.textContent = seat ? seat.querySelector(".seat-words").textContent : atRest;
  }

  grid.addEventListener("pointerover", tell);
  grid.addEventListener("focusin", tell);
  grid.addEventListener("pointerleave", () => { readout.textContent = atRest; });
})();
