// Opacity of attribution maps, kept from page to page; which layers of the viewer are shown; arrow keys that turn to the
// next item. Without this script the maps stand at 70%.
(() => {
  document.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    // Where something has the focus, the arrows are its own: the slider's, or those of a table that scrolls.
    if (!turn || document.activeElement !== document.body || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    document.querySelector(`a[rel=${turn}]`)?.click();
  });
  const slider = document.getElementById("map-opacity");
  if (!slider) return;
  const shown = document.getElementById("map-opacity-shown");
  const kept = sessionStorage.getItem("map-opacity");
  if (kept !== null) slider.value = kept;
  const apply = () => {
    for (const layer of document.querySelectorAll("img.map-layer")) layer.style.opacity = slider.value / 100;
    shown.textContent = `${slider.value}%`;
  };
  slider.addEventListener("input", () => {
    sessionStorage.setItem("map-opacity", slider.value);
    apply();
  });
  const mask = document.getElementById("show-mask");
  if (mask) mask.addEventListener("change", () => {
    for (const layer of document.querySelectorAll("img.mask")) layer.hidden = !mask.checked;
  });
  apply();
})();
