// Opacity of attribution maps, and which layers of the viewer are shown. Without this script the maps stand at 70%.
(() => {
  const slider = document.getElementById("map-opacity");
  if (!slider) return;
  const shown = document.getElementById("map-opacity-shown");
  const apply = () => {
    for (const layer of document.querySelectorAll("img.map-layer")) layer.style.opacity = slider.value / 100;
    shown.textContent = `${slider.value}%`;
  };
  slider.addEventListener("input", apply);
  const mask = document.getElementById("show-mask");
  if (mask) mask.addEventListener("change", () => {
    for (const layer of document.querySelectorAll("img.mask")) layer.hidden = !mask.checked;
  });
  apply();
})();
