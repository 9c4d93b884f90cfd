// Tables that are sorted by a column and saved as CSV.

import { node } from "../../web/assets/text.js";

// What a cell says, without text that is for screen readers only.
function cellText(cell) {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll(".unseen").forEach((part) => part.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
}

// The number that a cell begins with, as in "1,234", "32.2 ± 1.9", "12%" or "< 0.01"; null where there is none.
function cellNumber(text) {
  const match = /^[<>]?\s*([-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)/.exec(text);
  return match ? Number(match[1].replace(/,/g, "").replace("\u2212", "-")) : null;
}

const isMissing = (text) => text === "" || text === "-";
const isHeading = (row) => row.classList.contains("group") || row.classList.contains("subgroup");
const bodyRows = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);

// Rows between two headings: only these change places.
function blocks(table) {
  const found = [];
  for (const body of table.tBodies) {
    let block = [];
    for (const row of body.rows) {
      if (isHeading(row)) {
        found.push(block);
        block = [];
      } else {
        block.push(row);
      }
    }
    found.push(block);
  }
  return found.filter((block) => block.length > 1);
}

// A missing value comes last in both directions.
function comparing(column, descending) {
  const sign = descending ? -1 : 1;
  return (one, two) => {
    const [a, b] = [one, two].map((row) => cellText(row.cells[column]));
    if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
    const [x, y] = [cellNumber(a), cellNumber(b)];
    return sign * (x === null || y === null ? a.localeCompare(b) : x - y);
  };
}

function sortBy(table, head) {
  const descending = head.getAttribute("aria-sort") === "ascending";
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  for (const block of blocks(table)) {
    // What follows the block stays behind it.
    const [parent, after] = [block[0].parentNode, block[block.length - 1].nextSibling];
    block.sort(comparing(head.cellIndex, descending)).forEach((row) => parent.insertBefore(row, after));
  }
}

function makeSortable(table) {
  for (const head of table.tHead.rows[0].cells) {
    const button = node("button", { type: "button", class: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head));
    head.replaceChildren(button);
  }
}

// --- CSV ---

// A program for spreadsheets runs what begins like a formula; a number may begin so.
const harmless = (text) => (/^[=+\-@\t]/.test(text) && cellNumber(text) === null && text !== "-" ? `'${text}` : text);
const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
const plain = (text) => (/^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replace(/,/g, "") : text);

// The rows of a table as text: headings become columns, and a mean and its standard deviation two of them.
export function tableRows(table) {
  const heads = [...table.tHead.rows[0].cells].map(cellText);
  const rows = bodyRows(table);
  const levels = ["group", "subgroup"].filter((level) => rows.some((row) => row.classList.contains(level)));
  const current = {};
  const lines = [];
  for (const row of rows) {
    if (row.classList.contains("group")) Object.assign(current, { group: cellText(row), subgroup: "" });
    else if (row.classList.contains("subgroup")) current.subgroup = cellText(row);
    else lines.push([...levels.map((level) => current[level] || ""), ...[...row.cells].map(cellText)]);
  }
  const columns = [...levels, ...heads];
  const deviates = columns.map((_, i) => lines.some((line) => line[i].includes(" ± ")));
  const titles = columns.flatMap((title, i) => (deviates[i] ? [title, `${title}, standard deviation`] : [title]));
  const values = lines.map((line) =>
    line.flatMap((text, i) => (deviates[i] ? [...text.split(" ± "), ""].slice(0, 2) : [text])),
  );
  return [titles, ...values.map((line) => line.map(plain))];
}

function saveAsCsv(table, name) {
  const text = tableRows(table).map((line) => line.map(harmless).map(quoted).join(",")).join("\r\n");
  // The mark says to programs for spreadsheets that the text is UTF-8.
  const address = URL.createObjectURL(new Blob([`\ufeff${text}\r\n`], { type: "text/csv" }));
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const link = node("a", { href: address, download: `${file}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export function startTables() {
  document.querySelectorAll(".scroll > table").forEach((table) => {
    makeSortable(table);
    const name = table.parentNode.getAttribute("aria-label");
    const about = { type: "button", class: "save", "aria-label": `Save as CSV: ${name}` };
    const button = node("button", about, "Save as CSV");
    button.addEventListener("click", () => saveAsCsv(table, name));
    table.parentNode.after(button);
  });
}
