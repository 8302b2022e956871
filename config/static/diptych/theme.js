// Light or dark by the reader's own setting, and again when that setting changes; always light on paper.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const show = (theme) => document.documentElement.setAttribute("data-bs-theme", theme);
  const apply = () => show(dark.matches ? "dark" : "light");
  dark.addEventListener("change", apply);
  window.addEventListener("beforeprint", () => show("light"));
  window.addEventListener("afterprint", apply);
  apply();
})();
