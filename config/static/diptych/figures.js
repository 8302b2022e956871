// A figure that is drawn in the page goes away as an SVG file of its own: in the colours of paper, with what style sheets say written into it.
(() => {
  const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity", "font-family", "font-size",
    "font-weight", "text-anchor", "dominant-baseline", "visibility", "display"];
  const alone = (svg) => {
    const copy = svg.cloneNode(true);
    const root = document.documentElement;
    const theme = root.getAttribute("data-bs-theme");
    root.setAttribute("data-bs-theme", "light"); // put back before anything is painted
    const written = [...svg.querySelectorAll("*")];
    [...copy.querySelectorAll("*")].forEach((part, place) => {
      const style = getComputedStyle(written[place]);
      LOOKS.forEach((name) => part.setAttribute(name, style.getPropertyValue(name)));
      part.removeAttribute("class");
    });
    root.setAttribute("data-bs-theme", theme);
    const [, , width, height] = (svg.getAttribute("viewBox") ?? `0 0 ${svg.clientWidth} ${svg.clientHeight}`).split(/[ ,]+/);
    Object.entries({ xmlns: "http://www.w3.org/2000/svg", width, height }).forEach(([name, value]) => copy.setAttribute(name, value));
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
  };
  document.querySelectorAll("main figure").forEach((figure) => {
    const drawn = [...figure.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length);
    if (drawn.length !== 1 || figure.querySelector("a, button, img, .drawing") || figure.closest("[hx-trigger], [data-hx-trigger]")) return;
    const said = figure.querySelector("figcaption strong, figcaption") ?? drawn[0].querySelector("title");
    const name = (said?.textContent ?? document.querySelector("h1").textContent).trim();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-link btn-sm";
    button.textContent = "SVG";
    button.setAttribute("aria-label", `${name}, as an SVG file`);
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([alone(drawn[0])], { type: "image/svg+xml" }));
      link.download = `${name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60)}.svg`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
    figure.append(button);
  });
})();
