// A link that is shown once, into the clipboard at a press: on a phone it is longer than the finger can mark.
(function () {
  "use strict";

  const [box, button, told] = ["link", "copy-link", "link-copied"].map((id) => document.getElementById(id));

  async function copied() {
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
      return true;
    } catch (_) { // without https there is only the older way
      return document.execCommand("copy");
    }
  }

  button.hidden = false;
  button.addEventListener("click", async () => {
    told.textContent = (await copied()) ? "Copied." : "Marked: copy it with your device's own command.";
  });
})();
