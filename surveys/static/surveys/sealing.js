// Sealing a block: only once every answer is saved, and in the background, so that a line that is down just now never leads
// to the browser's own page of errors.
(function () {
  "use strict";

  const RETRY_MS = 3000;
  const TIMEOUT_MS = 15000;
  const pause = (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms));

  class Sealing {
    // form: with its address and button. words: where it is said what is waited for. queue: the answers on their way.
    constructor({ form, words, queue }) {
      Object.assign(this, { form, words, queue, begun: false });
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.begin();
      });
    }
    async begin() {
      const { say } = window.diptych;
      this.begun = true;
      this.form.querySelector("button").disabled = true;
      this.words.textContent = say("sealing");
      await this.queue.drained();
      while (!(await this.sealed())) {
        this.words.textContent = say("sealing_retry");
        await pause(RETRY_MS);
      }
    }
    // What is still on its way may wait for the line as well as the sealing itself; through a closed link nothing goes any more.
    saving(state) {
      const name = { retry: "sealing_retry", saved: "sealing", closed: "closed" }[state];
      if (this.begun && name) this.words.textContent = window.diptych.say(name);
    }
    // Sealing twice is sealing once. A refusal is shown as the page that it is; what leads nowhere comes from a network that wants
    // a sign-in first.
    async sealed() {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
      try {
        const answer = await fetch(this.form.action, { method: "POST", credentials: "omit", signal: abort.signal });
        if (answer.ok && !answer.redirected) return false;
        if (answer.ok) location.assign(answer.url);
        else if (answer.status < 500) this.form.submit();
        return answer.status < 500;
      } catch (_) {
        return false;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Sealing });
})();
