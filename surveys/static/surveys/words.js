// What the script says: sentences that come with the page, in the reader's language, with {names} to be filled in.
(function () {
  "use strict";

  const { words } = JSON.parse(document.getElementById("block-data").textContent);
  const plural = new Intl.PluralRules(document.documentElement.lang || "en");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  // The sentence `name`; where it counts, values.number says how many.
  function say(name, values = {}) {
    const text = words[name];
    return filled(typeof text === "string" ? text : text[plural.select(values.number)] || text.other, values);
  }

  window.diptych = Object.assign(window.diptych || {}, { say });
})();
