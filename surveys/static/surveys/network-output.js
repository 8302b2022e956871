// The network's output beside the second answer, or that there is none: fetched once the own answer is saved, shown at the choices and on the image.
(function () {
  "use strict";

  const { say } = window.diptych;
  const RETRY_MS = 3000;
  const TIMEOUT_MS = 15000;
  const pause = (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms));

  class NetworkOutput {
    // root: the question that is answered with the output in sight. address: where it is handed out, ITEM in the item's place.
    // saved(): resolves once nothing is left to send. picture(): the image that is looked at. nameOf(code): words of a choice.
    // onShown(item): it may be answered now.
    constructor(root, { address, saved, picture, nameOf, onShown, onRefused }) {
      Object.assign(this, { root, address, saved, picture, nameOf, onShown, onRefused, turn: 0, state: "saved" });
      this.words = root.querySelector(".network-words");
      this.again = root.querySelector(".network-again");
      this.map = root.querySelector(".network-map");
      this.again.addEventListener("click", () => this.open(this.item));
      this.map.addEventListener("click", () => this.toggle());
    }
    // The step of the question stands open for this item.
    async open(item) {
      const mine = ++this.turn; // who waited before, for this item too, waits no more: the time counts from one showing
      this.item = item;
      this.again.hidden = true;
      if (item.example) item.output = item.example; // to practise with, or in a preview
      this.fill(item.output);
      if (item.output) return this.shown(item);
      this.tellWait();
      while (!(await this.fetch(item))) {
        if (mine !== this.turn) return;
        this.tellWait("retry");
        this.again.hidden = false;
        await pause(RETRY_MS);
        if (mine !== this.turn) return;
      }
      if (mine !== this.turn || !item.output) return;
      this.again.hidden = true;
      this.fill(item.output);
      this.shown(item);
    }
    // What became of the own answer: the output cannot come before it is saved.
    saving(state) {
      this.state = state;
      if (this.item && !this.item.output && state !== "saved") this.tellWait();
    }
    tellWait(state = this.state) {
      const what = this.root.dataset.control ? "second" : "network";
      const name = { retry: `${what}_not_loaded`, closed: "closed" }[state];
      this.words.textContent = say(name || `${what}_waits`);
    }
    // Another item or another step stands open.
    close() {
      this.turn += 1;
      this.toggle(false);
      this.item = null;
    }
    // True when there is nothing more to wait for: the output came, or it never will.
    async fetch(item) {
      const abort = new AbortController();
      let timer;
      try {
        await Promise.race([this.saved(), pause(TIMEOUT_MS).then(() => { throw new Error("not saved"); })]);
        timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
        const answer = await fetch(this.address.replace("ITEM", item.id), {
          method: "POST", headers: { Accept: "application/json" }, credentials: "omit", signal: abort.signal,
        });
        if (answer.status === 409) {
          this.onRefused(await answer.json());
          return true;
        }
        if (answer.status === 404 || answer.status === 410) {
          this.saving("closed");
          return true;
        }
        if (!answer.ok) throw new Error("status " + answer.status);
        item.output = await answer.json();
        return true;
      } catch (_) {
        return false;
      } finally {
        clearTimeout(timer);
      }
    }
    shown(item) {
      this.shown_ms = performance.now();
      this.onShown(item);
    }
    // The network's answer in words; on a phone its choice may stand below what is in sight.
    answerOf({ answer, control }) {
      if (control) return say("network_nothing");
      if (answer === null) return "";
      return answer ? say("network_answers", { name: this.nameOf(answer) }) : say("network_abstains");
    }
    // Shares, the network's choice and the reader's own stand at the choices themselves: nothing to look up elsewhere.
    fill(output) {
      for (const pick of this.root.querySelectorAll(".pick")) {
        const input = pick.querySelector("input");
        const share = output ? output.shares[input.value] : undefined;
        const own = Boolean(output) && output.answer === input.value;
        input.disabled = !output;
        pick.toggleAttribute("data-network", own);
        pick.querySelector(".own-badge").hidden = !output || this.item.answers[""] !== input.value;
        pick.querySelector(".network-badge").hidden = !own;
        pick.querySelector(".share").hidden = share === undefined;
        pick.querySelector("meter").value = share || 0;
        pick.querySelector(".percent").textContent = share === undefined ? "" : `${Math.round(share * 100)} %`;
      }
      this.words.textContent = output ? this.answerOf(output) : "";
      this.words.classList.toggle("nothing", Boolean(output && output.control));
      this.map.hidden = !output || !output.map;
      this.toggle(false);
    }
    // The image and the image under the map change places; both have the same shape, so that zoom and place stay.
    toggle(on = this.map.getAttribute("aria-pressed") !== "true") {
      this.map.setAttribute("aria-pressed", String(on));
      this.map.textContent = say(on ? "network_map_off" : "network_map_on");
      const picture = this.picture();
      if (on) {
        this.plain = { address: picture.src, words: picture.alt };
        picture.src = this.item.output.map;
        picture.alt = say("network_map_of", { image: this.plain.words });
      } else if (this.plain) {
        picture.src = this.plain.address;
        picture.alt = this.plain.words;
        this.plain = null;
      }
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { NetworkOutput });
})();
