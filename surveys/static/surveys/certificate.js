// The certificate prints as it stands, the typed name in it.
(function () {
  "use strict";

  const button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
})();
