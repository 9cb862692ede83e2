// Sorts a table by the column whose head is clicked, and hides rows that a text is not in. Without this the page is the same, as it is.
"use strict";
const units = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
function value(cell) {
  if (!cell || cell.colSpan > 1) return null;
  const text = cell.textContent.trim();
  const found = text.replace(/(\d) (?=\d{3}(?!\d))/g, "$1").match(/^[^\d-]*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*([a-zµA-Z]*)/);
  if (!found) return null;
  // Both ends of a range have the unit that stands at its end.
  const unit = found[2] === "to" ? text.split(" ").pop() : found[2];
  return Number(found[1]) * (units[unit] || 1);
}
function compare(number, column, sign) {
  return (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!number) return sign * (x ? x.textContent : "").localeCompare(y ? y.textContent : "");
    const [v, w] = [value(x), value(y)];
    // What has no value comes last, whichever way the others go.
    if (v === null || w === null) return (v === null) - (w === null);
    return sign * (v - w);
  };
}
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.title = "sort";
    head.append(button);
    button.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort || "none"];
      heads.forEach((other) => { other.ariaSort = null; });
      head.ariaSort = next === "none" ? null : next;
      table.classList.toggle("sorted", next !== "none");
      const sign = next === "descending" ? -1 : 1;
      const order = next === "none" ? rows : [...rows].sort(compare(head.className === "n", column, sign));
      body.append(...order);
    });
  });
}
const box = document.createElement("label");
box.className = "filter";
const field = document.createElement("input");
field.type = "search";
field.placeholder = "lenet halo2";
const count = document.createElement("output");
box.append("Rows with ", field, count);
document.querySelector("header").append(box);
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const table of document.querySelectorAll("table")) {
    // A table's heading says what its rows are about.
    const caption = table.caption ? table.caption.textContent.toLowerCase() : "";
    for (const row of table.tBodies[0].rows) {
      const text = `${caption} ${row.textContent.toLowerCase()}`;
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    table.parentElement.hidden = [...table.tBodies[0].rows].every((row) => row.hidden);
  }
  count.value = words.length > 0 ? ` ${shown} rows` : "";
});
