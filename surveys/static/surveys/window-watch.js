// What happens to the window: it is left and come back to, another one beside it is used, its size changes.
(function () {
  "use strict";

  const SETTLED_MS = 1000;

  // onImage(type): it concerns the image that is shown. onSize(detail).
  function watchWindow({ onImage, onSize }) {
    let blurred = false;
    let settled;
    const size = () => onSize({ width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio });
    size();
    document.addEventListener("visibilitychange", () => onImage(document.hidden ? "hidden" : "visible"));
    // Another window has the focus: this one may still be in sight beside it, or is left in a moment, which is told above.
    window.addEventListener("blur", () => {
      if (blurred || document.hidden || document.hasFocus()) return;
      blurred = true;
      onImage("blurred");
    });
    window.addEventListener("focus", () => {
      if (blurred) onImage("focused");
      blurred = false;
    });
    window.addEventListener("resize", () => {
      clearTimeout(settled);
      settled = setTimeout(size, SETTLED_MS);
    });
  }

  window.diptych = Object.assign(window.diptych || {}, { watchWindow });
})();
