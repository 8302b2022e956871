// What a screen reader says that nobody sees: which answer is saved, that the line dropped, which image is shown now.
(function () {
  "use strict";

  class Teller {
    constructor(element) {
      Object.assign(this, { element, state: "saved", fresh: "" });
    }
    // The same words twice in a row are told twice.
    say(words) {
      this.element.replaceChildren();
      const line = document.createElement("p");
      line.textContent = words;
      this.element.append(line);
    }
    // An answer was given; its saving will be told under this name.
    answered(name) {
      this.fresh = window.diptych.say(name ? "answer_saved" : "saved", { name });
    }
    // Told once: an answer that is saved, a line that drops, and that it is back. Other savings go on in silence.
    saving(state, words) {
      if (state === "saving") return;
      if (state === "saved") {
        if (this.fresh || this.state !== "saved") this.say(this.fresh || words);
        this.fresh = "";
      } else if (state !== this.state) this.say(words);
      this.state = state;
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Teller });
})();
