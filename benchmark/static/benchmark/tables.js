// Tables of results: a click on a heading sorts by the exact value, a field filters rows. Without script they just stand.
(() => {
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y) ? x - y : a.localeCompare(b, undefined, { numeric: true });
  };
  const sortBy = (table, heading) => {
    const column = [...heading.parentElement.children].indexOf(heading);
    const down = heading.getAttribute("aria-sort") === "ascending";
    heading.parentElement.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rank = (row) => row.children[column].dataset.rank ?? "";
    const rows = [...table.tBodies[0].rows].sort((a, b) => compare(rank(a), rank(b)) * (down ? -1 : 1));
    table.tBodies[0].append(...rows);
  };
  document.querySelectorAll("[data-results-table]").forEach((section) => {
    const table = section.querySelector("table");
    if (table.tBodies[0].rows.length < 2) return;
    table.tHead.querySelectorAll("th").forEach((heading) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.replaceChildren(...heading.childNodes);
      button.addEventListener("click", () => sortBy(table, heading));
      heading.replaceChildren(button);
    });
    const tools = section.querySelector(".tools");
    if (table.tBodies[0].rows.length < 6) return;
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "Filter rows";
    field.setAttribute("aria-label", `Filter rows of: ${section.querySelector("h2").textContent}`);
    const count = document.createElement("span");
    count.className = "fine";
    count.setAttribute("role", "status");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
    });
    tools.prepend(field, count);
  });
})();
