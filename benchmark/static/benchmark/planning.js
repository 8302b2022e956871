// Beside every number of the planning form a slider; moving either asks the server again and changes only the answer.
(() => {
  document.querySelectorAll("input[data-slider]").forEach((number) => {
    const [low, high, step] = number.dataset.slider.split(" ");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: low, max: high, step, value: number.value });
    slider.setAttribute("aria-label", `${number.labels[0].textContent.trim()}, slider`);
    slider.addEventListener("input", () => { number.value = slider.value; });
    number.addEventListener("input", () => { slider.value = number.value; });
    number.after(slider);
  });
  const model = document.querySelectorAll("[data-spread]");
  const choose = () => {
    const chosen = document.querySelector("input[name=spread]:checked")?.value;
    model.forEach((part) => { part.hidden = part.dataset.spread !== chosen; });
  };
  document.querySelectorAll("input[name=spread]").forEach((choice) => choice.addEventListener("change", choose));
  choose();
  // A simulation takes the design as it stands now, not as the page was loaded.
  document.getElementById("simulate")?.addEventListener("submit", (event) => {
    const now = new FormData(document.getElementById("design"));
    event.target.querySelectorAll("[data-from]").forEach((kept) => { kept.value = now.get(kept.dataset.from) ?? kept.value; });
  });
})();
