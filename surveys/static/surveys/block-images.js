// Images of one block, fetched ahead, at most four at a time, each tried several times, held in memory.
(function () {
  "use strict";

  const AT_ONCE = 4;
  const TRIES = 4;
  const FIRST_PAUSE_MS = 1000;
  const STALLED_MS = 20000;

  const pause = (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms));

  // The bytes of an address. Given up when nothing arrives for so long: a slow line may take its time, a dead one may not.
  async function bytesOf(address, credentials, stalled_ms) {
    const abort = new AbortController();
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(new Error("nothing arrived")), stalled_ms);
    };
    try {
      wait();
      const answer = await fetch(address, { credentials, signal: abort.signal });
      if (!answer.ok) throw new Error("status " + answer.status);
      // A network that wants a sign-in first answers everything with a page of its own.
      if (!/^image\//.test(answer.headers.get("Content-Type") || "")) throw new Error("no image came");
      const [reader, parts] = [answer.body.getReader(), []];
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        parts.push(part.value);
        wait();
      }
      return new Blob(parts, { type: answer.headers.get("Content-Type") || "" });
    } finally {
      clearTimeout(timer);
    }
  }

  class BlockImages {
    // addresses: in reading order. onFailure(index, try, why): told of every try that failed. credentials: a reader needs none.
    constructor(addresses, onFailure, credentials = "omit", stalled_ms = STALLED_MS) {
      Object.assign(this, { addresses, onFailure, credentials, stalled_ms, running: 0, queue: [], loads: new Map() });
    }
    // Image `index` stands in the page as it came, in `element`: its own loading is waited for, not begun anew. For later it is
    // fetched like any other. A promise of whether it comes that way.
    seed(index, element) {
      const given_up = pause(this.stalled_ms).then(() => { throw new Error("nothing arrived"); });
      this.seeded = { index, promise: Promise.race([element.decode(), given_up]).then(() => element.src) };
      return this.seeded.promise.then(() => true, () => {
        this.seeded = null;
        return false;
      });
    }
    // A promise of a local address for image `index`; it goes to the front of the queue, also when it failed before.
    get(index) {
      const load = this.loads.get(index);
      const fetched = load && load.settled && !load.failed;
      if (this.seeded && this.seeded.index === index && !fetched) return this.seeded.promise.catch(() => this.get(index));
      if (this.loads.has(index) && this.loads.get(index).failed) this.forget(index);
      if (!this.loads.has(index)) this.want(index);
      if (this.queue.includes(index)) this.queue = [index].concat(this.queue.filter((other) => other !== index));
      this.work();
      return this.loads.get(index).promise;
    }
    // What was loaded is of no use, or was not loaded: the next one who asks for it has it loaded anew.
    forget(index) {
      if (this.loads.has(index) && this.loads.get(index).settled) this.loads.delete(index);
    }
    // Everything else after what was asked for already, from `start` on; what failed before is tried again.
    preload(start) {
      for (let i = 0; i < this.addresses.length; i += 1) {
        const index = (start + i) % this.addresses.length;
        if (!this.loads.has(index) || this.loads.get(index).failed) this.want(index);
      }
      this.work();
    }
    want(index) {
      const load = {};
      load.promise = new Promise((resolve, reject) => Object.assign(load, { resolve, reject }));
      load.promise.then(() => { load.settled = true; }, () => { load.settled = load.failed = true; });
      this.loads.set(index, load);
      this.queue.push(index);
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
          load.resolve(URL.createObjectURL(await bytesOf(this.addresses[index], this.credentials, this.stalled_ms)));
          return;
        } catch (error) {
          this.onFailure(index, attempt, String(error.message).slice(0, 80));
          if (attempt < TRIES) await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
        }
      }
      load.reject(new Error("image did not load"));
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { BlockImages });
})();
