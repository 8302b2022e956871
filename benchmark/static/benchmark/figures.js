// The drawing for paper gives way to the live figure: first near the window, the others when the page is at rest. Until a
// live figure stands, and on paper, the drawing shows. In the dark the inks change, not the data.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const phone = window.matchMedia("(max-width: 600px)");
  // Ink, muted ink and rules of the figures, then the colours of networks and groups, each for a dark ground.
  const night = {
    "#20282a": "#ece7e0", "#697375": "#b0a89d", "#d5dbda": "#3d3934", "#0f766e": "#4fb8ad", "#b7791f": "#e0a04a",
    "#7b3f74": "#c893c6", "#c0392b": "#f29a92", "#8a5a00": "#f0c36a", "#0072b2": "#5f9bf5", "#56b4e9": "#93d8fb", "#d55e00": "#f0905a",
    "#4d4d4d": "#b9b9b9", "#009e73": "#4fc9a4",
  };
  const parts = (colour) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16)).join(",");
  const forTheDark = (value, key) => {
    if (key === "colorscale") return value;
    if (typeof value === "string") {
      let text = value;
      for (const [day, other] of Object.entries(night)) text = text.replaceAll(day, other).replaceAll(`rgba(${parts(day)},`, `rgba(${parts(other)},`);
      return text;
    }
    if (Array.isArray(value)) return value.map((part) => forTheDark(part, key));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, forTheDark(part, name)]));
    return value;
  };
  const inTheme = (figure) => {
    if (!dark.matches) return figure;
    const data = figure.data.map((trace) => forTheDark(trace, ""));
    const layout = forTheDark(figure.layout, "");
    return { data, layout };
  };
  const options = {
    responsive: true, displaylogo: false, displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], toImageButtonOptions: { format: "svg" },
  };
  const drawingOf = async (place) => {
    const answer = await fetch(place.dataset.figure + (phone.matches ? "?narrow=1" : ""), { credentials: "same-origin" });
    return answer.ok ? answer.json() : null;
  };
  const show = async (place) => {
    try {
      let figure = await drawingOf(place);
      if (!figure) return;
      const home = document.createElement("div");
      const drawing = place.querySelector("img");
      home.setAttribute("role", "group");
      home.setAttribute("aria-label", drawing.alt);
      const draw = () => {
        const { data, layout } = inTheme(structuredClone(figure));
        // A finger on a figure that fits the phone moves the page.
        const fits = Boolean(figure.fits);
        place.classList.toggle("fits", fits);
        if (fits) layout.dragmode = false;
        return window.Plotly.react(home, data, layout, fits ? { ...options, displayModeBar: false } : options);
      };
      drawing.classList.add("paper-only");
      place.classList.add("live");
      place.append(home);
      await draw();
      place.dataset.ready = "yes";
      dark.addEventListener("change", draw);
      phone.addEventListener("change", async () => {
        figure = (await drawingOf(place)) || figure;
        draw();
      });
    } catch (problem) {
      // The drawing for paper stays: it says the same.
      console.warn("The live figure could not be shown.", problem);
      place.classList.remove("live");
      place.querySelector("img").classList.remove("paper-only");
      place.querySelector(":scope > div")?.remove();
    }
  };
  const waiting = new Set(document.querySelectorAll("[data-figure]"));
  const start = (place) => {
    waiting.delete(place);
    watcher.unobserve(place);
    return show(place);
  };
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((one) => one.isIntersecting).forEach((entry) => start(entry.target));
  }, { rootMargin: "400px" });
  waiting.forEach((place) => watcher.observe(place));
  const atRest = (task) => (window.requestIdleCallback ? window.requestIdleCallback(task) : setTimeout(task, 300));
  const next = async () => {
    const [place] = waiting;
    if (!place) return;
    await start(place);
    atRest(next);
  };
  window.addEventListener("load", () => atRest(next));
})();
