// The questions about the item that is shown: which step stands open, what was answered, what is still missing.
(function () {
  "use strict";

  const { AnswerKinds } = window.diptych;
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const given = (value) => value !== null && value !== undefined;

  class Questions {
    // specs: the block's questions. onAnswer(code, value): told of every change. onStep(): after another step was opened.
    constructor(root, specs, { onAnswer, onStep }) {
      Object.assign(this, { root, onAnswer, onStep, ready: false });
      this.asked = specs.map((spec) => {
        const element = root.querySelector(`.asked[data-question="${spec.code}"]`);
        return { ...spec, element, does: AnswerKinds[spec.kind] };
      });
      this.closed = document.getElementById("closed");
      this.missing = document.getElementById("unanswered");
      for (const one of this.asked) this.listen(one);
    }
    listen(one) {
      const changed = (event) => {
        if (!this.ready) return;
        if (event.target.type === "range") this.touchSlider(event.target);
        if (one.does.touched) one.does.touched(one.element, event.target);
        this.save(one);
      };
      one.element.addEventListener("change", changed);
      one.element.querySelectorAll("input[type=range]").forEach((input) => {
        input.addEventListener("input", () => this.touchSlider(input));
        for (const name of ["pointerup", "keyup"]) {
          input.addEventListener(name, (event) => {
            if (event.key !== "Tab" && event.key !== "Shift") changed(event);
          });
        }
      });
      one.element.querySelectorAll("button[name=chosen]").forEach((button) => button.addEventListener("click", (event) => {
        event.preventDefault();
        this.choose(one, button.value);
      }));
    }
    touchSlider(input) {
      delete input.dataset.untouched;
      input.removeAttribute("aria-valuetext");
      input.closest(".slider").querySelector("output").textContent = input.value;
    }
    choose(one, value) {
      if (!this.ready) return;
      one.does.write(one.element, value);
      this.save(one);
    }
    save(one) {
      const value = one.does.read(one.element);
      if (same(value, this.item.answers[one.code] ?? null)) return;
      this.item.answers[one.code] = value;
      this.missing.textContent = "";
      this.onAnswer(one.code, value);
      this.lock();
    }
    // What stands in a text that was not left yet counts too.
    saveStep() {
      for (const one of this.ofStep()) {
        if (one.kind === "comment" && this.ready) this.save(one);
      }
    }
    about(item) {
      return this.asked.filter((one) => !one.labelled || item.label);
    }
    steps(item) {
      return Array.from(new Set(this.about(item).map((one) => one.step)));
    }
    ofStep() {
      return this.about(this.item).filter((one) => one.step === this.step);
    }
    open(item, step) {
      return this.about(item).filter((one) =>
        one.required && !given(item.answers[one.code]) && (step === undefined || one.step === step));
    }
    isDone(item) {
      return !this.open(item).length;
    }
    // Show an item: the first step with an open question, or its last.
    show(item) {
      this.item = item;
      const steps = this.steps(item);
      for (const one of this.asked) {
        one.does.write(one.element, item.answers[one.code] ?? null);
        one.element.hidden = one.labelled && !item.label;
        if (one.labelled) one.element.querySelector(".prompt").textContent = one.prompt.replace("{label}", item.label);
        this.fitPlaces(one, item);
      }
      this.to(steps.find((step) => this.open(item, step).length) ?? steps[steps.length - 1]);
    }
    // Frames and cells: as many choices as the item has images.
    fitPlaces(one, item) {
      const count = (item.frames || [item.image]).length;
      one.element.querySelectorAll("[data-place]").forEach((label) => {
        label.hidden = Number(label.dataset.place) > count;
      });
      const cells = one.element.querySelector(".cells");
      if (cells) cells.style.setProperty("--columns", item.columns);
    }
    to(step) {
      this.step = step;
      this.root.querySelectorAll(".step").forEach((part) => { part.hidden = Number(part.dataset.step) !== step; });
      const field = document.querySelector("#answer-form [name=step]");
      if (field) field.value = step;
      this.missing.textContent = "";
      this.lock();
      this.onStep();
    }
    // A step is closed once a later one has an answer, or once the network's output was seen.
    lock() {
      const answered = this.about(this.item).filter((one) => given(this.item.answers[one.code])).map((one) => one.step);
      const assisted = this.asked.find((one) => one.kind === "assisted");
      const seen = Boolean(assisted && this.item.output) && this.step < assisted.step;
      this.locked = seen || answered.some((step) => step > this.step);
      this.closed.hidden = !this.locked;
      if (seen) this.closed.textContent = window.diptych.say(this.item.output.control ? "closed_asked_again" : "closed_by_network");
      if (this.locked) this.element().setAttribute("aria-describedby", "closed");
      else this.element().removeAttribute("aria-describedby");
      this.enable(this.ready);
    }
    enable(on) {
      this.ready = on;
      for (const one of this.asked) {
        const closed = !on || (this.locked && one.step === this.step);
        if (one.kind === "diagnosis") {
          one.element.querySelectorAll("button").forEach((button) => button.setAttribute("aria-disabled", String(closed)));
        } else one.element.disabled = closed;
      }
    }
    // What stands open, as one element.
    element() {
      return this.root.querySelector(`.step[data-step="${this.step}"]`);
    }
    // The words on the button of a diagnosis.
    nameOf(value) {
      const button = this.root.querySelector(`button[name=chosen][value="${CSS.escape(value)}"]`);
      return button.querySelector("span").textContent;
    }
    // The words of a choice of any other question.
    wordsOf(one, value) {
      const input = one.element.querySelector(`input[value="${CSS.escape(value)}"]`);
      return input.closest("label").querySelector("kbd ~ span, input ~ span").textContent;
    }
    // Next within the item: true when a later step was opened or this one still asks for an answer.
    next(leaveOpen) {
      this.saveStep();
      const later = this.steps(this.item).find((step) => step > this.step);
      const open = this.open(this.item, this.step);
      // Passed over whole is a choice; half an answer is an oversight, as what is asked beside the diagnosis may lie below the window.
      const half = this.besideDiagnosis() && open.length && this.ofStep().some((one) => given(this.item.answers[one.code]));
      if (later === undefined && !half) return false;
      if (!open.length) {
        this.to(later);
        return true;
      }
      if (leaveOpen) return false;
      const words = open[0].does.missing && open[0].does.missing(open[0].element);
      this.missing.textContent = words || window.diptych.say("please_answer");
      return true;
    }
    // Whether the step that stands open asks for a diagnosis and for something beside it.
    besideDiagnosis() {
      const asked = this.ofStep();
      return asked.length > 1 && asked.some((one) => one.kind === "diagnosis");
    }
    // On a phone the next open question may lie below the window, or behind the buttons.
    reveal() {
      const open = this.besideDiagnosis() ? this.open(this.item, this.step)[0] : null;
      if (open) open.element.scrollIntoView({ block: "nearest" });
    }
    back() {
      const earlier = this.steps(this.item).filter((step) => step < this.step).pop();
      if (earlier === undefined) return false;
      this.to(earlier);
      return true;
    }
    isLast() {
      return this.steps(this.item).every((step) => step <= this.step);
    }
    // A number key: the choice of that number in the question that has the focus, or in the first open one.
    press(key) {
      if (!this.ready || this.locked) return false;
      const here = this.ofStep().filter((one) => this.choices(one).length);
      const focused = here.find((one) => one.element.contains(document.activeElement));
      const one = focused || here.find((other) => !given(this.item.answers[other.code])) || here[0];
      const control = one && this.choices(one)[Number(key) - 1];
      if (!control) return false;
      if (one.kind === "diagnosis") {
        this.choose(one, control.value);
        return true;
      }
      control.click();
      const slider = one.element.querySelector("input[type=range]");
      (slider || control).focus();
      return true;
    }
    choices(one) {
      const selector = one.kind === "diagnosis" ? "button[name=chosen]" : "input[type=radio], input[type=checkbox]";
      return Array.from(one.element.querySelectorAll(selector)).filter((input) => !input.closest("[hidden]"));
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Questions });
})();
