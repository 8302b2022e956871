// A sentence for the page that comes next: what a reader must know must not go with the page on which it was said.
(function () {
  "use strict";

  const NAME = "diptych-told";

  function tellNext(words) {
    try { sessionStorage.setItem(NAME, words); } catch (_) { /* without storage it was said once */ }
  }

  function toldBefore() {
    try {
      const words = sessionStorage.getItem(NAME);
      sessionStorage.removeItem(NAME);
      return words;
    } catch (_) {
      return null;
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { tellNext, toldBefore });
})();
