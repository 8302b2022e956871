// The page of one block: shows an image, times it, saves each answer in the background, and goes on.
(function () {
  "use strict";

  const { AnswerQueue, BlockImages, Elsewhere, Marks, NetworkOutput, Questions, Sealing, Stage, Teller, Zoom, onceReached, say, watchWindow } = window.diptych;
  const data = JSON.parse(document.getElementById("block-data").textContent);
  const part = (id) => document.getElementById(id);
  const items = data.items;
  const practising = !data.events && !data.preview;
  const SECOND_TAP_MS = 400;
  const RETRY_MS = 3000;
  const LATER = ["shown", "zoomed", "blurred", "focused"];
  let index = data.start;
  let painted_ms = null;
  let showing = 0;
  let tapped_ms = -Infinity;

  const byId = new Map(items.map((item) => [item.id, item]));
  const answersOf = (item) => ({ ...item.answers, ...(item.chosen ? { "": item.chosen } : {}) });
  items.forEach((item) => { item.answers = answersOf(item); });
  const teller = new Teller(part("told"));
  const queue = data.events ? new AnswerQueue({
    address: data.events,
    name: data.name,
    onState: (state) => {
      // One line at any width, so that the image below never moves.
      if (state === "saved" && part("saved").dataset.state === "retry") loadAgain();
      part("saved").textContent = say(state === "retry" && innerWidth >= 700 ? "kept" : state);
      part("saved").dataset.state = state;
      teller.saving(state, say(state === "retry" ? "kept" : state));
      if (sealing) sealing.saving(state);
      if (network) network.saving(state);
    },
    onAcknowledged: (last, own) => elsewhere.acknowledged(last, own),
    onRefused: refused,
  }) : null;
  const elsewhere = queue ? new Elsewhere({ known: data.known, noun: data.noun, box: part("elsewhere"), onNews: takeOver }) : null;
  const sealing = queue && part("seal-form") ? new Sealing({ form: part("seal-form"), words: part("waiting"), queue }) : null;
  // A clock begins anew with every window, and a reader may have two.
  const told_by = Math.random().toString(36).slice(2, 10);
  // What the screen showed travels with the answer that follows: one request for an image instead of two.
  const record = (event) => {
    if (!queue) return null;
    if (event.type === "answer") return queue.add(event);
    return queue.add({ ...event, detail: { ...event.detail, window: told_by } }, LATER.includes(event.type));
  };
  const itemEvent = (type, detail) => record({ type, item: items[index] && items[index].id, detail });

  // Frames of all items, and the sources of grids, in one line, so that they are fetched ahead in the order of reading.
  const starts = [];
  const addresses = items.flatMap((item, i) => {
    starts.push(i ? starts[i - 1] + items[i - 1].addresses.length : 0);
    item.addresses = (item.frames || [item.image]).concat(item.heads || []);
    return item.addresses;
  });
  const owner = (place) => starts.filter((start) => start <= place).length - 1;
  const images = new BlockImages(addresses, (failed, attempt, why) => {
    record({ type: "failed", item: items[owner(failed)].id, detail: { attempt, why } });
  }, data.preview || data.signed_in ? "same-origin" : "omit");
  const stage = new Stage(part("stage"), data);
  const zoom = data.zoom ? new Zoom(part("field"), stage.moves, (scale) => itemEvent("zoomed", { scale })) : null;

  const questions = new Questions(part("answer"), data.questions, { onAnswer: answered, onStep: stepShown });
  const region = questions.asked.find((one) => one.kind === "region");
  const marks = region ? regionMarks(region) : null;
  const assisted = questions.asked.find((one) => one.kind === "assisted");
  const network = assisted ? networkOutput(assisted) : null;
  if (marks && zoom) Object.assign(zoom, { onMove: () => marks.draw(), drawing: () => marks.on });

  const twoFrames = () => new Promise((resolve) => {
    // The second frame starts after the first one was painted. A hidden window paints nothing and waits.
    requestAnimationFrame(() => requestAnimationFrame(resolve));
  });
  const pause = (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms));

  async function showImage() {
    const mine = ++showing;
    const item = items[index];
    painted_ms = null;
    stage.wait(true);
    part("retry").hidden = true;
    cover(false);
    const slow = setTimeout(() => tell(say("loading")), 400);
    try {
      const places = item.addresses.map((_, frame) => starts[index] + frame);
      const local = await Promise.all(places.map((place) => images.get(place)));
      if (mine !== showing) return;
      if (zoom) zoom.reset();
      const frames = (item.frames || [item.image]).length;
      const what = data.one[0].toUpperCase() + data.one.slice(1);
      const place = { what, number: index + 1, count: items.length };
      await stage.show(local.slice(0, frames), item.columns, place, local.slice(frames));
      if (mine !== showing) return;
      clearTimeout(slow);
      tell("");
      if (data.exposure_ms) await expose(item, mine);
      else await uncover(mine);
      if (mine !== showing) return;
      markChosen();
      questions.enable(true);
    } catch (_) {
      if (mine !== showing) return;
      tell(say("not_loaded"));
      part("retry").hidden = false;
    } finally {
      clearTimeout(slow);
    }
  }

  // The line is back: what did not load is asked for once more, the image that is looked at first.
  function loadAgain() {
    if (!part("retry").hidden) showImage();
    images.preload(starts[Math.min(index, items.length - 1)]);
  }

  // Lay the picture open and note when it was painted.
  async function uncover(mine) {
    stage.wait(false);
    if (zoom) zoom.reset();
    await twoFrames();
    if (mine !== showing) return;
    painted_ms = performance.now();
    itemEvent("shown", stage.size());
  }

  // A timed exposure: at the reader's press, once, for as long as the study says; then a mask of noise.
  async function expose(item, mine) {
    if (!item.masked) {
      cover(true, true);
      await new Promise((resolve) => { part("reveal").onclick = resolve; });
      if (mine !== showing) return;
      cover(false);
      await uncover(mine);
      await pause(data.exposure_ms);
      if (mine !== showing) return;
      item.masked = true;
      itemEvent("masked", { planned_ms: data.exposure_ms, shown_ms: Math.round(performance.now() - painted_ms) });
    } else {
      painted_ms = performance.now();
    }
    stage.wait(true);
    cover(true, false);
  }

  function cover(on, waiting) {
    part("cover").hidden = !on;
    part("reveal").hidden = !waiting;
    part("mask").hidden = !on || waiting;
    if (on && waiting) part("reveal").focus();
    if (on && !waiting) noise(part("mask"));
  }

  function noise(canvas) {
    const pen = canvas.getContext("2d");
    canvas.width = 96;
    canvas.height = 96;
    const pixels = pen.createImageData(canvas.width, canvas.height);
    const random = crypto.getRandomValues(new Uint8Array(canvas.width * canvas.height));
    random.forEach((grey, i) => pixels.data.set([grey, grey, grey, 255], 4 * i));
    pen.putImageData(pixels, 0, 0);
  }

  function tell(text) {
    part("loading").textContent = text;
    part("loading").hidden = !text;
  }

  function show(next) {
    index = next;
    const atEnd = index >= items.length;
    for (const id of ["viewer", "answer"]) part(id).hidden = atEnd;
    if (part("end")) part("end").hidden = !atEnd;
    if (!practising) history.replaceState(null, "", "?image=" + (atEnd ? "end" : index + 1));
    if (atEnd) {
      showing += 1;
      record({ type: "shown", detail: { page: "end" } }); // until now the last image was in sight
      // Where "Next" was just touched, a second tap must not seal.
      if (part("seal") && performance.now() - tapped_ms < SECOND_TAP_MS) {
        part("seal").disabled = true;
        setTimeout(() => { part("seal").disabled = false; }, SECOND_TAP_MS);
      }
      part("where").textContent = say("place", { heading: data.heading, number: items.length, count: items.length });
      listSkipped();
      focusOn(part("end-title"));
      return;
    }
    part("progress").value = index + 1;
    questions.enable(false);
    questions.show(items[index]);
    showImage();
  }

  function stepShown() {
    const steps = questions.steps(items[index]);
    const heading = practising ? say("practice") : data.heading;
    const alone = practising && items.length === 1;
    const place = alone
      ? data.practice
      : say("place", { heading, number: index + 1, count: items.length });
    part("where").textContent = steps.length > 1
      ? say("place_question", { place, number: steps.indexOf(questions.step) + 1, count: steps.length })
      : place;
    // Another question is read from its beginning; the one question keeps its place.
    if (steps.length > 1 || questions.besideDiagnosis()) scrollTo(0, 0);
    part("back").hidden = index === 0 && questions.step === steps[0];
    part("leave").hidden = true;
    const last = part("next").dataset.last;
    const atLast = practising && index === items.length - 1 && questions.isLast();
    part("next").textContent = atLast ? last : say("next");
    if (marks) stopMarking();
    if (network && questions.ofStep().includes(assisted)) network.open(items[index]);
    else if (network) network.close();
    markChosen();
  }

  function listSkipped() {
    const skipped = items.map((item, i) => (questions.isDone(item) ? 0 : i + 1)).filter(Boolean);
    part("skipped-words").hidden = !skipped.length;
    part("skipped").replaceChildren(...skipped.map((number) => {
      const row = document.createElement("li");
      const link = document.createElement("a");
      link.className = "button";
      link.href = "?image=" + number;
      link.textContent = say("numbered", { noun: data.noun, number });
      row.append(link);
      return row;
    }));
  }

  function answered(code, value) {
    tapped_ms = -Infinity;
    part("leave").hidden = true;
    const since_ms = assisted && code === assisted.code ? network.shown_ms : painted_ms;
    const item = items[index];
    const event = { type: "answer", item: item.id, after: item.after ?? null, rt_ms: Math.round(performance.now() - since_ms) };
    teller.answered(code ? "" : questions.nameOf(value));
    if (value !== null) questions.reveal();
    item.after = record(code ? { ...event, question: code, value } : { ...event, chosen: value });
    markChosen();
  }

  // The second tap of a double tap would pass over an image that nobody has seen yet, or seal. By keyboard there is no such
  // thing. What counts is when the finger came down: on a slow phone the second tap may be heard long after.
  function dropSecondTap(event) {
    if (!event.detail || index >= items.length) return;
    if (isSecondTap(event) && !questions.isDone(items[index])) event.preventDefault();
    else tapped_ms = event.timeStamp;
  }

  function isSecondTap(event) {
    return event.timeStamp - tapped_ms < SECOND_TAP_MS;
  }

  function goOn(leaveOpen) {
    if (index >= items.length) return;
    if (questions.next(leaveOpen)) {
      if (!part("unanswered").textContent) arrive();
      part("leave").hidden = !part("unanswered").textContent;
      if (part("unanswered").textContent) questions.reveal();
      part("unanswered").scrollIntoView({ block: "nearest" }); // on a phone it may lie behind the buttons
      return;
    }
    if (practising && index === items.length - 1) {
      part("next").disabled = true;
      onceReached(() => { part("unanswered").textContent = say("no_line"); }).then(() => part("answer-form").submit());
      return;
    }
    show(index + 1);
    arrive();
  }

  // Another image or question stands open: the focus goes to it, before its first control, and its name says where one is.
  // Who is looking at the image itself stays there, and is told.
  function arrive() {
    if (index >= items.length) return;
    const step = questions.element();
    if (document.activeElement.closest("#viewer") || document.activeElement === step) {
      teller.say(part("where").textContent);
    } else focusOn(step);
  }

  // What has just appeared is painted first: a screen reader does not hear of a focus on what it has not seen yet.
  function focusOn(element) {
    twoFrames().then(() => element.focus({ preventScroll: true }));
  }

  function goBack() {
    if (index >= items.length || !questions.back()) {
      if (index === 0) return;
      show(index - 1);
    }
    arrive();
  }

  function keyed(event) {
    if (event.repeat && event.key === "Enter" && event.target.closest("button, a")) event.preventDefault();
    if (!part("shortcuts").checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("textarea, select, .marks.on")) return;
    const asking = !part("answer").hidden;
    const onControl = event.target.closest("button, a, input");
    const mayEnter = !onControl || onControl.matches("[name=chosen], .asked input");
    const arrows = !event.target.closest("input[type=radio], input[type=range]");
    if (asking && /^[1-9]$/.test(event.key) && questions.press(event.key)) event.preventDefault();
    else if (asking && event.key === "Enter" && mayEnter) goOn();
    else if (asking && event.key === "ArrowRight" && arrows && !practising) goOn();
    else if (event.key === "ArrowLeft" && arrows) goBack();
    else return;
    event.preventDefault();
  }

  function keepShortcutSwitch() {
    const box = part("shortcuts");
    try {
      box.checked = localStorage.getItem("diptych-shortcuts") !== "off";
      box.addEventListener("change", () => localStorage.setItem("diptych-shortcuts", box.checked ? "on" : "off"));
    } catch (_) { /* without storage the switch holds for this page */ }
  }

  // What this device answered but could not send yet is newer than what the server knows.
  function overlayPending() {
    if (!queue) return;
    for (const event of queue.pending()) {
      const item = event.type === "answer" && byId.get(event.item);
      if (!item) continue;
      item.answers[event.question || ""] = event.question ? event.value : event.chosen;
      item.after = event.id;
    }
  }

  // Answers of another device or window, as they stand now; what waits here still is on top of them.
  function takeOver(fresh) {
    const here = items[index];
    const seen = () => here && JSON.stringify([Object.entries(here.answers).filter((row) => row[1] !== null).sort(), here.output]);
    const before = seen();
    for (const row of fresh) {
      const item = byId.get(row.id);
      Object.assign(item, { answers: answersOf(row), after: row.after, output: row.output, masked: item.masked || row.masked });
    }
    overlayPending();
    if (!here) listSkipped();
    else if (before !== seen()) questions.show(here);
    elsewhere.tell(say("elsewhere"));
  }

  // To where the reader stands by now, once the line is there.
  function leave() {
    onceReached(() => tellLine()).then(() => location.replace(location.pathname));
  }

  function tellLine() {
    part("waiting").textContent = part("unanswered").textContent = say("no_line");
  }

  // The server refuses an answer: another device of this reader was ahead, or it is none.
  function refused({ why, code }, event) {
    const place = event.type === "answer" ? items.indexOf(byId.get(event.item)) : -1;
    const late = place >= 0 && elsewhere.refused(code, place + 1);
    if (code === "sealed" || code === "not-open") {
      part("waiting").textContent = part("unanswered").textContent = say("sealed_elsewhere");
      if (late) elsewhere.tellNext();
      setTimeout(leave, RETRY_MS);
    } else if (late) elsewhere.fetch();
    else part("unanswered").textContent = why;
  }

  // Cells of a grid and frames of a strip can be touched in the picture itself, for the question that is open.
  function placed() {
    return questions.ofStep().find((one) => one.kind === "cells" || one.kind === "frame");
  }

  function markChosen() {
    if (index >= items.length) return;
    const one = placed();
    const value = one ? items[index].answers[one.code] : null;
    stage.choose([value ?? []].flat());
    part("stage").classList.toggle("touchable", Boolean(one));
  }

  function touchPlace(event) {
    const figure = event.target.closest("figure[data-place]");
    const one = figure && placed();
    if (!one || one.element.disabled) return;
    one.element.querySelector(`[data-place="${figure.dataset.place}"] input`).click();
  }

  function regionMarks(one) {
    const layer = new Marks({
      layer: part("marks"),
      picture: () => stage.picture,
      onChange: (list) => {
        one.element.marks = list;
        one.element.dispatchEvent(new Event("change"));
        tellMarks();
      },
    });
    const button = one.element.querySelector(".mark-on");
    const undo = one.element.querySelector(".mark-undo");
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      layer.active(on);
      tellMarks();
    });
    undo.addEventListener("click", () => layer.undo());
    part("marks").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      stopMarking();
      button.focus();
    });
    function tellMarks() {
      const count = layer.list.length;
      undo.hidden = !count;
      const words = [count ? say("marked", { number: count }) : "", layer.on ? say("mark_how") : ""];
      one.element.querySelector(".mark-words").textContent = words.filter(Boolean).join(" ");
    }
    layer.tell = tellMarks;
    return layer;
  }

  function networkOutput(one) {
    return new NetworkOutput(one.element, {
      address: data.output,
      saved: () => queue.drained(),
      picture: () => stage.picture,
      nameOf: (code) => questions.wordsOf(one, code),
      onShown: () => {
        overlayPending();
        questions.lock();
      },
      onRefused: ({ why, code }) => {
        part("unanswered").textContent = why;
        if (code !== "too-early") setTimeout(leave, RETRY_MS);
      },
    });
  }

  function stopMarking() {
    region.element.querySelector(".mark-on").setAttribute("aria-pressed", "false");
    marks.active(false);
    marks.set(questions.ofStep().includes(region) ? region.element.marks : [], region.most);
    marks.tell();
  }

  function linkNumber(event) {
    const link = event.target.closest("a[href^='?image=']");
    if (!link) return;
    event.preventDefault();
    show(Number(link.getAttribute("href").slice(7)) - 1);
    arrive();
  }

  document.documentElement.classList.add("scripted");
  keepShortcutSwitch();
  overlayPending();
  part("answer-form").addEventListener("submit", (event) => {
    event.preventDefault();
    goOn();
  });
  part("next").addEventListener("click", dropSecondTap);
  part("leave").addEventListener("click", () => goOn(true));
  // A page that the browser kept for its Back button knows nothing of what was sealed since.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  part("stage").addEventListener("click", touchPlace);
  part("retry").addEventListener("click", () => {
    items[index].addresses.forEach((_, frame) => images.forget(starts[index] + frame));
    showImage();
  });
  document.addEventListener("keydown", keyed);
  part("back").addEventListener("click", (event) => {
    event.preventDefault();
    goBack();
  });
  window.addEventListener("online", loadAgain);
  if (!practising) {
    part("end").addEventListener("click", linkNumber);
    if (part("seal")) part("seal").addEventListener("click", (event) => { if (isSecondTap(event)) event.preventDefault(); });
    watchWindow({ onImage: itemEvent, onSize: (detail) => record({ type: "screen", detail }) });
  }
  const first = starts[Math.min(index, items.length - 1)];
  const seeded = data.kind === "single" && index < items.length ? images.seed(first, part("picture")) : false;
  show(index); // on a slow line the first image has it for itself
  Promise.resolve(seeded).then((came) => images.preload(first + Number(came)));
})();
