// A morph under a slider: one frame at a time, large. Without this file the frames stand side by side.
"use strict";
for (const figure of document.querySelectorAll("[data-morph]")) {
  const frames = figure.querySelectorAll("[data-frame]");
  const label = figure.querySelector(".gen-slider");
  const slider = label.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-link";

  const show = () => frames.forEach((frame, number) => frame.classList.toggle("shown", number === Number(slider.value)));
  const change = (sliding) => {
    figure.classList.toggle("sliding", sliding);
    label.hidden = !sliding;
    button.textContent = sliding ? "Show side by side" : "Slide through";
    button.setAttribute("aria-pressed", String(sliding));
    show();
  };
  slider.addEventListener("input", () => {
    show();
    slider.setAttribute("aria-valuetext", frames[slider.value].textContent.trim());
  });
  button.addEventListener("click", () => change(!figure.classList.contains("sliding")));
  figure.append(button);
  change(false);
}
