// How the answer to each kind of question is read from its inputs and written into them. Null: no answer yet.
(function () {
  "use strict";

  const checked = (root) => Array.from(root.querySelectorAll("input:checked"));
  const isNone = (input) => input.name.endsWith("-none");

  const radio = {
    read: (root) => (checked(root)[0] ? checked(root)[0].value : null),
    write: (root, value) => {
      root.querySelectorAll("input[type=radio]").forEach((input) => { input.checked = input.value === value; });
    },
  };
  const number = {
    read: (root) => (radio.read(root) === null ? null : Number(radio.read(root))),
    write: (root, value) => radio.write(root, value === null ? null : String(value)),
  };
  // A slider says nothing until it was touched: its first place is no answer.
  const slider = {
    read: (root) => {
      const input = root.querySelector("input[type=range]");
      return "untouched" in input.dataset ? null : Number(input.value);
    },
    write: (root, value) => {
      const input = root.querySelector("input[type=range]");
      input.toggleAttribute("data-untouched", value === null);
      if (value === null) input.setAttribute("aria-valuetext", window.diptych.say("no_answer_yet"));
      else input.removeAttribute("aria-valuetext");
      input.value = value === null ? 50 : value;
      root.querySelector("output").textContent = value === null ? "" : value;
    },
  };
  const list = (typed) => ({
    read: (root) => {
      const values = checked(root).filter((input) => !isNone(input)).map((input) => typed(input.value));
      return values.length || checked(root).length ? values : null;
    },
    write: (root, value) => {
      root.querySelectorAll("input[type=checkbox]").forEach((input) => {
        input.checked = value !== null && (isNone(input) ? !value.length : value.includes(typed(input.value)));
      });
    },
    // "None of them" and the others exclude each other.
    touched: (root, input) => {
      if (!input.checked) return;
      root.querySelectorAll("input[type=checkbox]").forEach((other) => {
        if (isNone(other) !== isNone(input)) other.checked = false;
      });
    },
  });

  const KINDS = {
    diagnosis: {
      read: (root) => {
        const button = root.querySelector("[aria-pressed=true]");
        return button ? button.value : null;
      },
      write: (root, value) => {
        root.querySelectorAll("button").forEach((button) => {
          button.setAttribute("aria-pressed", String(button.value === value));
        });
      },
    },
    real_or_generated: {
      read: (root) => {
        const [answer, confidence] = [radio.read(root), slider.read(root)];
        return answer === null || confidence === null ? null : { answer, confidence };
      },
      write: (root, value) => {
        radio.write(root, value && value.answer);
        slider.write(root, value && value.confidence);
      },
      missing: (root) => (radio.read(root) === null ? "" : window.diptych.say("move_slider")),
    },
    confidence: slider,
    scale: number,
    plausibility: number,
    frame: number,
    several: list(String),
    cells: list(Number),
    region: {
      read: (root) => (root.marks && root.marks.length ? root.marks : null),
      write: (root, value) => { root.marks = value || []; },
    },
    comment: {
      read: (root) => root.querySelector("textarea").value.trim() || null,
      write: (root, value) => { root.querySelector("textarea").value = value || ""; },
    },
    class: radio,
    assisted: radio,
    choice: radio,
    pair: radio,
    direction: radio,
  };

  window.diptych = Object.assign(window.diptych || {}, { AnswerKinds: KINDS });
})();
