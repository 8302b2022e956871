// Tables: a click on a heading sorts by the exact value, a field filters rows, and what is shown goes away as CSV. Without script they
// just stand. A table that says data-plain is one page of a longer list, a matrix or a form, and stays as it is; so do those that renew
// themselves.
(() => {
  const TOOLS_FROM = 6; // rows; fewer are taken in at a glance
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y) ? x - y : a.localeCompare(b, undefined, { numeric: true });
  };
  const text = (cell) => {
    const field = cell.querySelector("input:not([type=hidden], [type=checkbox]), select, textarea");
    return (field ? field.value : cell.innerText || cell.textContent).trim().replace(/\s+/g, " ");
  };
  // What a cell sorts by: its exact value where the page gives one, else a day, else the number that its text begins with.
  const rank = (cell) => {
    if (cell.dataset.rank !== undefined) return cell.dataset.rank;
    const said = text(cell);
    if (/^\d{1,2} [A-Z][a-z]+ \d{4}/.test(said)) return String(Date.parse(said.replace(",", "")) || said);
    const number = /^([-−+±]?) ?([\d,]*\.?\d+)(?![\w.-])/.exec(said);
    return number ? `${/[-−]/.test(number[1]) ? "-" : ""}${number[2].replaceAll(",", "")}` : said;
  };
  const sortBy = (table, heading) => {
    const column = [...heading.parentElement.children].indexOf(heading);
    const down = heading.getAttribute("aria-sort") === "ascending";
    heading.parentElement.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const ranked = [...table.tBodies[0].rows].map((row) => [rank(row.children[column]), row]);
    ranked.sort(([a], [b]) => compare(a, b) * (down ? -1 : 1));
    table.tBodies[0].append(...ranked.map(([, row]) => row));
  };
  const sortable = (table) => table.tHead.querySelectorAll("th").forEach((heading) => {
    if (!heading.textContent.trim() || heading.querySelector("a, button, input")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.replaceChildren(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.replaceChildren(button);
  });

  const filter = (table, name) => {
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "Filter rows";
    field.setAttribute("aria-label", `Filter rows of: ${name}`);
    const count = document.createElement("span");
    count.className = "fine";
    count.setAttribute("role", "status");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const said = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => said.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
    });
    field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault()); // it sends no form around it
    return [field, count];
  };

  // As a spreadsheet takes it: what would be run as a formula is text.
  const quoted = (said) => `"${(/^[=+@\t\r]|^-(?![\d.])/.test(said) ? "'" + said : said).replaceAll('"', '""')}"`;
  const csv = (table) => [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.hidden)]
    .map((row) => [...row.cells].map((cell) => quoted(text(cell))).join(",")).join("\r\n") + "\r\n";
  const download = (table, name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-link";
    button.textContent = "CSV";
    button.setAttribute("aria-label", `${name}, as shown, as CSV`);
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", csv(table)], { type: "text/csv" }));
      link.download = `${name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60)}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
    return button;
  };

  const isList = (table) => table.tHead?.rows.length === 1 && table.tBodies.length === 1 && !table.closest("[data-plain], [hx-trigger], [data-hx-trigger]")
    && [...table.tHead.rows, ...table.tBodies[0].rows].every((row) => row.cells.length === table.tHead.rows[0].cells.length);
  const narrow = window.matchMedia("(max-width: 599px)").matches; // there the headings of lists out of tables are not in sight
  document.querySelectorAll("main .table-scroll > table").forEach((table) => {
    const rows = isList(table) ? table.tBodies[0].rows.length : 0;
    if (rows < 2) return;
    const section = table.closest("[data-results-table]");
    const name = section?.querySelector("h2").textContent.trim() || table.caption?.textContent.trim() || table.parentElement.getAttribute("aria-label")
      || document.querySelector("h1").textContent.trim();
    if (!(narrow && table.classList.contains("stacks"))) sortable(table);
    if (rows < TOOLS_FROM) return;
    if (section) section.querySelector(".tools").prepend(...filter(table, name));
    else {
      const tools = document.createElement("div");
      tools.className = "tools";
      tools.append(...filter(table, name), download(table, name));
      table.parentElement.before(tools);
    }
  });
})();
