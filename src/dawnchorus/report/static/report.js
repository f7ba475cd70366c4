"use strict";
// Tables that sort by a click on a title, and that a text filters. Without a script the page has all rows.

const parsed = text => {
  const found = /[-+\u2212]?[\d,]*\.?\d+(e[-+]?\d+)?/i.exec(text);
  return found ? parseFloat(found[0].replace(/,/g, "").replace("\u2212", "-")) : NaN;
};

function sort(table, column, title) {
  const isUp = title.getAttribute("aria-sort") !== "ascending";
  const isNumber = title.classList.contains("number");
  for (const other of title.parentNode.children) other.removeAttribute("aria-sort");
  title.setAttribute("aria-sort", isUp ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map(row => [row.cells[column].innerText, row]);
  rows.sort(([a], [b]) => {
    if (!isNumber) return (isUp ? 1 : -1) * a.localeCompare(b, undefined, { numeric: true });
    const [x, y] = [parsed(a), parsed(b)];
    // what has no number stays last
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
    return isUp ? x - y : y - x;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function addFilter(table) {
  const label = document.createElement("label");
  const field = document.createElement("input");
  const told = document.createElement("span");
  label.className = "filter";
  field.type = "search";
  told.setAttribute("role", "status");
  label.append("Filter ", field, " ", told);
  field.addEventListener("input", () => {
    const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLocaleLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    told.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
  });
  table.parentNode.before(label);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((title, column) =>
    title.querySelector("button").addEventListener("click", () => sort(table, column, title)));
  if (table.tBodies[0].rows.length > 8) addFilter(table);
}

// only one sound at a time
document.addEventListener("play", event => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);

// paper shows what is folded away on the screen, but for long lists
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details"))
    if (one.querySelectorAll("tr").length < 60) one.open = true;
});
