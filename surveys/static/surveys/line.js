// Whether the server can be reached: asked before a page is left, so that a line that is down just now never leads to the browser's
// own page of errors. A device may have a network and no line.
(function () {
  "use strict";

  const AWAY = [502, 503, 504]; // the site's door answers, and the site behind it is being started anew
  const RETRY_MS = 3000;
  const TIMEOUT_MS = 8000;

  async function reached() {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store", credentials: "omit", signal: abort.signal });
      return !AWAY.includes(answer.status);
    } catch (_) {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  function pause() {
    return new Promise((resolve) => {
      setTimeout(resolve, RETRY_MS);
      window.addEventListener("online", resolve, { once: true });
    });
  }

  // Resolves once the server answers; onDown() is called each time that it does not.
  async function onceReached(onDown) {
    while (!(await reached())) {
      onDown();
      await pause();
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { onceReached });
})();
