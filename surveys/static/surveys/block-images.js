// Images of one block, fetched ahead, at most four at a time, each tried several times, held in memory.
(function () {
  "use strict";

  const AT_ONCE = 4;
  const TRIES = 4;

  const pause = (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms));

  class BlockImages {
    // addresses: in reading order. onFailure(index, try, why): told of every try that failed. credentials: a reader needs none.
    constructor(addresses, onFailure, credentials = "omit") {
      this.addresses = addresses;
      this.credentials = credentials;
      this.onFailure = onFailure;
      this.running = 0;
      this.queue = [];
      this.loads = new Map();
    }
    // A promise of a local address for image `index`; it goes to the front of the queue.
    get(index) {
      if (!this.loads.has(index)) {
        const load = {};
        load.promise = new Promise((resolve, reject) => Object.assign(load, { resolve, reject }));
        load.promise.catch(() => {});
        this.loads.set(index, load);
        this.queue.unshift(index);
        this.work();
      } else if (this.queue.includes(index)) {
        this.queue = [index].concat(this.queue.filter((other) => other !== index));
      }
      return this.loads.get(index).promise;
    }
    forget(index) {
      this.loads.delete(index);
    }
    // Everything else after what was asked for already, from `start` on.
    preload(start) {
      for (let i = 0; i < this.addresses.length; i += 1) {
        const index = (start + i) % this.addresses.length;
        if (this.loads.has(index)) continue;
        const load = {};
        load.promise = new Promise((resolve, reject) => Object.assign(load, { resolve, reject }));
        load.promise.catch(() => {});
        this.loads.set(index, load);
        this.queue.push(index);
      }
      this.work();
    }
    work() {
      while (this.running < AT_ONCE && this.queue.length) {
        const index = this.queue.shift();
        this.running += 1;
        this.fetch(index).finally(() => {
          this.running -= 1;
          this.work();
        });
      }
    }
    async fetch(index) {
      const load = this.loads.get(index);
      for (let attempt = 1; attempt <= TRIES; attempt += 1) {
        try {
          const answer = await fetch(this.addresses[index], { credentials: this.credentials });
          if (!answer.ok) throw new Error("status " + answer.status);
          load.resolve(URL.createObjectURL(await answer.blob()));
          return;
        } catch (error) {
          this.onFailure(index, attempt, String(error.message).slice(0, 80));
          if (attempt < TRIES) await pause(500 * 2 ** attempt);
        }
      }
      load.reject(new Error("image did not load"));
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { BlockImages });
})();
