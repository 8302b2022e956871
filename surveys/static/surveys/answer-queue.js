// Answers on their way to the server: kept in this browser until each is acknowledged, sent in order, retried for ever.
(function () {
  "use strict";

  const PREFIX = "diptych:";
  const BATCH = 20;
  const TIMEOUT_MS = 15000;
  const LONGEST_WAIT_MS = 15000;
  const LATER_MS = 10000;

  function uuid() {
    // crypto.randomUUID exists only on https and localhost; a phone on the ward's network may use neither.
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  // How long an answer was kept here says when it was chosen, whatever this device's clock says of the day.
  function withWait(event) {
    return event.type === "answer" ? { ...event, waited_ms: Math.max(0, Date.now() - Date.parse(event.at)) } : event;
  }

  // One key per event, so that two windows never overwrite each other. Without storage the memory must do.
  class Shelf {
    constructor(name) {
      this.prefix = PREFIX + name + ":";
      this.memory = new Map();
    }
    keys() {
      const keys = new Set(this.memory.keys());
      try {
        for (let i = 0; i < localStorage.length; i += 1) {
          const key = localStorage.key(i);
          if (key.startsWith(this.prefix)) keys.add(key);
        }
      } catch (_) { /* storage is switched off */ }
      return Array.from(keys).sort();
    }
    put(event) {
      const last = this.keys().pop();
      const after = last ? Number(last.slice(this.prefix.length, this.prefix.length + 16)) + 1 : 0;
      const key = this.prefix + String(Math.max(Date.now(), after)).padStart(16, "0") + ":" + event.id;
      this.memory.set(key, event);
      try {
        localStorage.setItem(key, JSON.stringify(event));
      } catch (_) { /* full or switched off: the copy in memory is sent */ }
    }
    all() {
      return this.keys().map((key) => this.memory.get(key) || this.read(key)).filter(Boolean);
    }
    read(key) {
      try {
        return JSON.parse(localStorage.getItem(key));
      } catch (_) {
        return null;
      }
    }
    drop(ids) {
      for (const key of this.keys()) {
        if (!ids.has(key.slice(this.prefix.length + 17))) continue;
        this.memory.delete(key);
        try { localStorage.removeItem(key); } catch (_) { /* switched off */ }
      }
    }
  }

  class AnswerQueue {
    // address: where events go. name: whose they are. onState(state): "saved", "saving", "retry" or "closed".
    // onRefused(row, event). onAcknowledged(last, own): answers that the server has, and how many of them came just now.
    constructor({ address, name, onState, onRefused, onAcknowledged }) {
      this.address = address;
      this.shelf = new Shelf(name);
      this.onState = onState;
      this.onRefused = onRefused;
      this.onAcknowledged = onAcknowledged;
      this.wait_ms = 1000;
      this.waiting = [];
      window.addEventListener("online", () => this.flush());
      document.addEventListener("visibilitychange", () => this.flush());
      window.addEventListener("beforeunload", (event) => {
        if (this.failing && this.pending().length) event.preventDefault();
      });
    }
    pending() {
      return this.shelf.all();
    }
    // later: the event travels with the next one that is not, or after a while alone. Returns the event's name.
    add(event, later) {
      const id = uuid();
      this.shelf.put(Object.assign({ id, client_ms: performance.now(), at: new Date().toISOString() }, event));
      if (!later) this.flush();
      else if (!this.sending && !this.timer) this.timer = setTimeout(() => this.flush(), LATER_MS);
      return id;
    }
    // Resolves once nothing is left to acknowledge.
    drained() {
      return new Promise((resolve) => {
        this.waiting.push(resolve);
        this.flush();
      });
    }
    async flush() {
      if (this.sending) return;
      this.sending = true;
      clearTimeout(this.timer);
      this.timer = null;
      try {
        for (let batch = this.pending(); batch.length; batch = this.pending()) {
          if (!this.failing) this.onState("saving");
          if (!(await this.send(batch.slice(0, BATCH)))) return;
        }
        this.onState("saved");
        this.waiting.splice(0).forEach((resolve) => resolve());
      } finally {
        this.sending = false;
      }
    }
    async send(events) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
      try {
        const answer = await fetch(this.address, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ events: events.map(withWait) }),
          credentials: "omit",
          signal: abort.signal,
        });
        if (answer.status === 404 || answer.status === 410) {
          this.onState("closed");
          return false;
        }
        if (!answer.ok) throw new Error("status " + answer.status);
        const { saved, refused, last } = await answer.json();
        this.shelf.drop(new Set(saved.concat(refused.map((row) => row.id))));
        const byId = new Map(events.map((event) => [event.id, event]));
        this.onAcknowledged(last, saved.filter((id) => byId.get(id).type === "answer").length);
        refused.forEach((row) => this.onRefused(row, byId.get(row.id) || {}));
        this.failing = false;
        this.wait_ms = 1000;
        return saved.length + refused.length > 0;
      } catch (_) {
        this.failing = true;
        this.onState("retry");
        this.timer = setTimeout(() => this.flush(), this.wait_ms);
        this.wait_ms = Math.min(this.wait_ms * 2, LONGEST_WAIT_MS);
        return false;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { AnswerQueue });
})();
