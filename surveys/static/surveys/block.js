// The page of one block: shows an image, times it, saves each choice in the background, and goes on.
(function () {
  "use strict";

  const { AnswerQueue, BlockImages, Zoom } = window.diptych;
  const data = JSON.parse(document.getElementById("block-data").textContent);
  const part = (id) => document.getElementById(id);
  const buttons = Array.from(document.querySelectorAll("#choices button"));
  const items = data.items;
  const practising = !data.events;
  let index = data.start;
  let painted_ms = null;
  let showing = 0;

  const words = {
    saved: "Saved",
    saving: "Saving …",
    retry: "Not saved yet. It is kept on this device; saving, will retry.",
    closed: "This link has been closed. Please write to the person who invited you.",
  };
  const queue = practising ? null : new AnswerQueue({
    address: data.events,
    name: data.name,
    onState: (state) => {
      part("saved").textContent = words[state];
      part("saved").dataset.state = state;
    },
    onRefused: (why) => {
      part("waiting").textContent = why;
    },
  });
  const record = (event) => {
    if (queue) queue.add(event);
  };
  const itemEvent = (type, detail) => record({ type, item: items[index] && items[index].id, detail });
  const images = new BlockImages(items.map((item) => item.image), (failed, attempt, why) => {
    record({ type: "failed", item: items[failed].id, detail: { attempt, why } });
  });
  const zoom = data.zoom ? new Zoom(part("field"), part("picture"), (scale) => itemEvent("zoomed", { scale })) : null;

  const twoFrames = () => new Promise((resolve) => {
    // The second frame starts after the first one was painted. A hidden window paints nothing and waits.
    requestAnimationFrame(() => requestAnimationFrame(resolve));
  });

  async function showImage() {
    const mine = ++showing;
    const picture = part("picture");
    painted_ms = null;
    picture.classList.add("waiting");
    part("retry").hidden = true;
    const slow = setTimeout(() => say("Loading …"), 400);
    try {
      const address = await images.get(index);
      if (mine !== showing) return;
      if (zoom) zoom.reset();
      picture.src = address;
      picture.alt = `${data.label} image ${index + 1} of ${items.length}`;
      await picture.decode();
      if (mine !== showing) return;
      picture.classList.remove("waiting");
      say("");
      if (zoom) zoom.reset();
      await twoFrames();
      if (mine !== showing) return;
      painted_ms = performance.now();
      itemEvent("shown", { width: picture.naturalWidth, height: picture.naturalHeight });
      enable(true);
    } catch (_) {
      if (mine !== showing) return;
      say("This image did not load.");
      part("retry").hidden = false;
    } finally {
      clearTimeout(slow);
    }
  }

  function say(text) {
    part("loading").textContent = text;
    part("loading").hidden = !text;
  }

  function enable(on) {
    buttons.forEach((button) => button.setAttribute("aria-disabled", String(!on)));
  }

  function mark() {
    const chosen = items[index] && items[index].chosen;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.value === chosen)));
  }

  function show(next) {
    index = next;
    const atEnd = index >= items.length;
    for (const id of ["viewer", "answer"]) part(id).hidden = atEnd;
    if (part("end")) part("end").hidden = !atEnd;
    if (!practising) history.replaceState(null, "", "?image=" + (atEnd ? "end" : index + 1));
    if (atEnd) {
      showing += 1;
      listSkipped();
      part("end-title").focus();
      return;
    }
    if (!practising) {
      part("where").textContent = `${data.label[0].toUpperCase()}${data.label.slice(1)} images, ${index + 1} of ${items.length}`;
      part("progress").value = index + 1;
      part("back").hidden = index === 0;
    }
    enable(false);
    mark();
    showImage();
  }

  function listSkipped() {
    const skipped = items.map((item, i) => (item.chosen ? 0 : i + 1)).filter(Boolean);
    part("skipped-words").hidden = !skipped.length;
    part("skipped").replaceChildren(...skipped.map((number) => {
      const row = document.createElement("li");
      const link = document.createElement("a");
      link.className = "button";
      link.href = "?image=" + number;
      link.textContent = "Image " + number;
      row.append(link);
      return row;
    }));
  }

  function choose(button) {
    if (painted_ms === null || items[index].chosen === button.value) return;
    items[index].chosen = button.value;
    mark();
    record({
      type: "answer",
      item: items[index].id,
      chosen: button.value,
      rt_ms: Math.round(performance.now() - painted_ms),
    });
  }

  function goOn() {
    if (practising) part("answer-form").submit();
    else if (index < items.length) show(index + 1);
  }

  function goBack() {
    if (!practising && index > 0) show(index - 1);
  }

  function keyed(event) {
    if (!part("shortcuts").checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const choice = buttons.find((button) => button.getAttribute("aria-keyshortcuts") === event.key);
    const onControl = event.target.closest("button, a, input");
    if (choice && !part("answer").hidden) choose(choice);
    else if (event.key === "Enter" && !part("answer").hidden && (!onControl || buttons.includes(onControl))) goOn();
    else if (event.key === "ArrowRight" && !part("answer").hidden && !practising) goOn();
    else if (event.key === "ArrowLeft") goBack();
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

  // What this device chose but could not send yet is newer than what the server knows.
  function overlayPending() {
    if (!queue) return;
    const byId = new Map(items.map((item) => [item.id, item]));
    for (const event of queue.pending()) {
      if (event.type === "answer" && byId.has(event.item)) byId.get(event.item).chosen = event.chosen;
    }
  }

  async function sealWhenSaved(event) {
    event.preventDefault();
    part("seal").disabled = true;
    part("waiting").textContent = "Saving your last answers. This page goes on by itself as soon as they are saved.";
    await queue.drained();
    part("seal-form").submit();
  }

  function linkNumber(event) {
    const link = event.target.closest("a[href^='?image=']");
    if (!link) return;
    event.preventDefault();
    show(Number(link.getAttribute("href").slice(7)) - 1);
    part("where").focus();
  }

  document.documentElement.classList.add("scripted");
  keepShortcutSwitch();
  overlayPending();
  buttons.forEach((button) => button.addEventListener("click", (event) => {
    event.preventDefault();
    choose(button);
  }));
  part("answer-form").addEventListener("submit", (event) => {
    event.preventDefault();
    goOn();
    if (index < items.length) part("where").focus();
  });
  part("retry").addEventListener("click", () => {
    images.forget(index);
    showImage();
  });
  document.addEventListener("keydown", keyed);
  if (!practising) {
    part("back").addEventListener("click", (event) => {
      event.preventDefault();
      goBack();
      part("where").focus();
    });
    part("end").addEventListener("click", linkNumber);
    if (part("seal-form")) part("seal-form").addEventListener("submit", sealWhenSaved);
    document.addEventListener("visibilitychange", () => itemEvent(document.hidden ? "hidden" : "visible"));
    const screen_size = () => record({
      type: "screen",
      detail: { width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio },
    });
    screen_size();
    let settled;
    window.addEventListener("resize", () => {
      clearTimeout(settled);
      settled = setTimeout(screen_size, 1000);
    });
  }
  show(index);
  images.preload(Math.min(index, items.length - 1));
})();
