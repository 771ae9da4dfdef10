"use strict";
// Sorts tables by the columns' buttons, and opens or closes all rows of a tree.
(() => {
  const key = (cell) => {
    if (!cell) return null;
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    if (cell.classList.contains("num")) return null;
    return cell.textContent.trim().toLowerCase() || null;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
  const sort = (table, heading, order) => {
    const column = heading.cellIndex;
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[column]), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  };
  for (const button of document.querySelectorAll("table[data-sortable] button.sort")) {
    const heading = button.closest("th");
    button.addEventListener("click", () => {
      const opposite = { ascending: "descending", descending: "ascending" };
      const now = heading.getAttribute("aria-sort");
      sort(heading.closest("table"), heading, now ? opposite[now] : button.dataset.first);
    });
  }
  const tree = document.querySelector("ul.tree");
  const fold = (open) => tree.querySelectorAll("details:not(.leaf)").forEach((row) => { row.open = open; });
  if (tree) {
    for (const button of document.querySelectorAll("button[data-fold]")) {
      button.parentElement.hidden = false;
      button.addEventListener("click", () => fold(button.dataset.fold === "open"));
    }
    addEventListener("beforeprint", () => fold(true));
  }
})();
