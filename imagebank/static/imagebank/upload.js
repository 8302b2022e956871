// A large ZIP goes to the server in pieces: with a bar, what is left to wait, and a way to stop. A line that drops costs one
// piece; the rest goes on by itself, or after the page was loaded anew and the same file chosen. Without this script the form
// sends the file as any form does.
(() => {
  const form = document.querySelector("form[data-pieces]");
  if (!form || !window.FormData || !window.Blob) return;
  const input = form.querySelector("input[type=file]");
  const panel = form.querySelector(".upload-progress");
  const [bar, numbers, told] = ["progress", ".upload-numbers", "[role=status]"].map((name) => panel.querySelector(name));
  const [again, cancel] = ["again", "cancel"].map((name) => panel.querySelector(`[data-do=${name}]`));
  const refusal = form.querySelector(".upload-refusal");
  const send = form.querySelector("button:not([type=button])");
  const WAITS_S = [1, 2, 4, 8, 15, 30, 30, 30, 60, 60, 60];
  const STALLED_MS = 60000;
  let run = null; // the upload under way: file, token, received, piece, tries, samples, request, timer

  const size = (bytes) => {
    const units = ["bytes", "kB", "MB", "GB"];
    let unit = 0;
    for (; bytes >= 1000 && unit < 3; unit += 1) bytes /= 1000;
    return `${bytes.toLocaleString("en", { maximumFractionDigits: unit === 3 ? 1 : 0 })} ${units[unit]}`;
  };
  const wait = (seconds) =>
    seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  const key = (file) => `upload:${form.dataset.pieces}:${file.name}:${file.size}:${file.lastModified}`;
  const remember = (file, token) => {
    try {
      token ? sessionStorage.setItem(key(file), token) : sessionStorage.removeItem(key(file));
    } catch { /* a browser that keeps nothing: only going on after a reload is lost */ }
  };
  const remembered = (file) => {
    try { return sessionStorage.getItem(key(file)); } catch { return null; }
  };

  const refuse = (sentence) => {
    refusal.textContent = sentence;
    refusal.hidden = !sentence;
  };
  const tooLarge = (file) =>
    file.size > Number(form.dataset.most) && `At most ${form.dataset.mostWords} ${form.dataset.why}; ${file.name} has ${size(file.size)}. `
      + "Make several ZIPs of it and import them one after another, or ask the administrator for room.";
  const check = () => {
    const file = input.files[0];
    const sentence = !file ? "" : !/\.zip$/i.test(file.name) ? `Choose a ZIP file; ${file.name} is none.` : tooLarge(file) || "";
    refuse(sentence);
    return file && !sentence ? file : null;
  };
  input.addEventListener("change", check);

  const show = (sent) => {
    const now = performance.now();
    run.samples.push([now, sent]);
    while (run.samples.length > 2 && now - run.samples[0][0] > 15000) run.samples.shift();
    const [since, before] = run.samples[0];
    const speed = now - since > 500 ? (1000 * (sent - before)) / (now - since) : 0;
    const share = Math.floor((100 * sent) / run.file.size);
    bar.value = share;
    numbers.textContent = `${size(sent)} of ${size(run.file.size)} (${share} %)`
      + (speed > 0 ? `, ${size(speed)} per second, about ${wait((run.file.size - sent) / speed)} left` : "");
  };

  const post = (fields, progress) => new Promise((answer, fail) => {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    const request = new XMLHttpRequest();
    let moved = performance.now();
    const watch = setInterval(() => performance.now() - moved > STALLED_MS && request.abort(), 1000);
    request.upload.addEventListener("progress", (event) => {
      moved = performance.now();
      progress?.(event.loaded);
    });
    request.addEventListener("loadend", () => {
      clearInterval(watch);
      let said = null;
      try { said = JSON.parse(request.responseText); } catch { /* no answer, or a page of another sort */ }
      if (said && request.status < 500) answer({ status: request.status, ...said });
      else fail(request.status === 413 ? "narrow" : request.status >= 200 && request.status < 500 ? "refused" : "line");
    });
    request.open("POST", form.dataset.pieces);
    request.send(body);
    if (run) run.request = request;
  });

  const leave = (event) => event.preventDefault();
  const stop = (sentence) => {
    clearTimeout(run?.timer);
    window.removeEventListener("beforeunload", leave);
    run = null;
    panel.hidden = true;
    input.disabled = send.disabled = false;
    refuse(sentence);
    (sentence ? refusal : input).focus();
  };

  const dropped = () => {
    const seconds = WAITS_S[run.tries];
    run.samples = [];
    run.tries += 1;
    again.hidden = false;
    if (seconds === undefined) {
      told.textContent = `The line has been down for minutes. ${size(run.received || 0)} have arrived and are kept for a day: press “Go on” when it is back.`;
      return;
    }
    const kept = run.received ? ` ${size(run.received)} have arrived and are kept;` : "";
    told.textContent = `The line dropped.${kept || " Nothing has arrived yet;"} trying again in ${seconds} s.`;
    run.timer = setTimeout(step, 1000 * seconds);
  };

  const step = async () => {
    const mine = run;
    clearTimeout(mine.timer);
    try {
      if (!mine.token) {
        const begun = await post({ name: mine.file.name, size: mine.file.size });
        if (run !== mine) return;
        if (begun.status !== 200) return stop(begun.message);
        Object.assign(mine, { token: begun.token, received: 0, piece: begun.piece });
        remember(mine.file, mine.token);
      } else if (mine.received === null || mine.tries) {
        const far = await post({ token: mine.token });
        if (run !== mine) return;
        if (far.status !== 200) {
          remember(mine.file, null);
          mine.token = null;
          return step(); // forgotten by the server: from the beginning
        }
        Object.assign(mine, { received: far.received, piece: far.piece });
      }
      while (mine.received < mine.file.size) {
        const piece = mine.file.slice(mine.received, mine.received + mine.piece);
        const said = await post({ token: mine.token, offset: mine.received, piece }, (loaded) =>
          run === mine && show(Math.min(mine.received + loaded, mine.received + piece.size)));
        if (run !== mine) return;
        if (said.status !== 200 && said.status !== 409) return stop(said.message);
        mine.received = said.received;
        if (mine.tries) told.textContent = "The line is back.";
        mine.tries = 0;
        again.hidden = true;
        show(mine.received);
      }
    } catch (reason) {
      if (run !== mine) return;
      if (reason === "refused") {
        return stop("The server no longer takes this upload: perhaps you were signed out. Sign in in another tab, then choose the file again here; it goes on where it stopped.");
      }
      if (reason === "narrow") {
        return stop(`The server in front of this site takes no pieces of ${size(mine.piece)}. An administrator raises its limit (in nginx: client_max_body_size); then choose the file again, and it goes on.`);
      }
      if (reason !== "line") return stop(`${mine.file.name} can no longer be read from this computer. Choose it again.`);
      return dropped();
    }
    told.textContent = "All of it has arrived. Looking into it …";
    cancel.hidden = true;
    remember(mine.file, null);
    window.removeEventListener("beforeunload", leave);
    form.querySelector("[name=arrived]").value = mine.token;
    form.submit();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = check();
    if (!file || run) return;
    run = { file, token: remembered(file), received: null, piece: 0, tries: 0, samples: [], request: null, timer: 0 };
    input.disabled = send.disabled = true;
    panel.hidden = false;
    again.hidden = true;
    cancel.hidden = false;
    bar.value = 0;
    numbers.textContent = "";
    told.textContent = `Sending ${file.name}. Keep this page open.`;
    window.addEventListener("beforeunload", leave);
    cancel.focus();
    step();
  });
  again.addEventListener("click", () => run && step());
  window.addEventListener("online", () => run?.tries && step());
  cancel.addEventListener("click", () => {
    const { file, token, request } = run;
    stop("");
    request?.abort();
    remember(file, null);
    if (token) post({ token, forget: "yes" }).catch(() => {}); // what stays there goes after a day
    refuse(`Stopped; nothing of ${file.name} was imported.`);
  });
  window.addEventListener("pageshow", (event) => event.persisted && run && stop(""));
})();
