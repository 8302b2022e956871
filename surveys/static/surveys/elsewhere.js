// What the same reader answered on another device or in another window: noticed by the number of answers, fetched, and said.
(function () {
  "use strict";

  const TIMEOUT_MS = 15000;

  class Elsewhere {
    // known: how many answers the sitting had when the page was made. noun: what one item is called. box: where it is said
    // until the reader has read it. onNews(items): the block's items as they stand now.
    constructor({ known, noun, box, onNews }) {
      Object.assign(this, { known, noun, box, onNews, behind: false, fetching: false });
      this.late = { overtaken: new Set(), closed: new Set(), sealed: new Set() };
      box.querySelector("button").addEventListener("click", () => {
        box.hidden = true;
        Object.values(this.late).forEach((numbers) => numbers.clear());
      });
      const told = window.diptych.toldBefore();
      if (told) this.tell(told);
    }
    // The server has `last` answers now, `own` of them new and from here.
    acknowledged(last, own) {
      if (last === undefined) return;
      if (last > this.known + own) this.behind = true;
      this.known = Math.max(this.known, last);
      if (this.behind) this.fetch();
    }
    // An answer to the item at place `number` was not taken; returns whether it is one that came too late.
    refused(code, number) {
      if (!(code in this.late)) return false;
      this.late[code].add(number);
      this.tell("");
      return true;
    }
    tell(words) {
      this.box.querySelector("p").textContent = [...this.notCounted(), words].filter(Boolean).join(" ");
      this.box.hidden = false;
    }
    // The page that comes next says it, too: it may come before the reader has read this one.
    tellNext() {
      window.diptych.tellNext(this.notCounted().join(" "));
    }
    notCounted() {
      return Object.entries(this.late).filter(([, numbers]) => numbers.size).map(([code, numbers]) =>
        window.diptych.say("not_counted_" + code, {
          noun: this.noun, numbers: Array.from(numbers).sort((a, b) => a - b).join(", "),
        }));
    }
    async fetch() {
      if (this.fetching) return;
      this.fetching = true;
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
      try {
        const answer = await fetch(location.pathname, { credentials: "omit", signal: abort.signal });
        if (!answer.ok) return;
        if (answer.redirected) {
          location.replace(answer.url); // the part was sealed meanwhile
          return;
        }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        this.behind = false;
        this.onNews(JSON.parse(page.getElementById("block-data").textContent).items);
      } catch (_) { /* no line: it is tried again with the next answer */
      } finally {
        clearTimeout(timer);
        this.fetching = false;
      }
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Elsewhere });
})();
