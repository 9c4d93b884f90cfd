// The table of candidates: sorted by a click on a column's head, with intervals, flags and notes.

import { compact, formulaNode, nameNode, node, percent } from "../../web/assets/text.js";

// A column: its key, head, unit, how it is sorted (largest or smallest first), and its cell.
function columnsOf(data) {
  const first = [
    { key: "rank", head: "Rank", value: (row) => row.rank, cell: (row) => node("td", {}, row.rank ?? "") },
    { key: "name", head: "Candidate", text: true, value: (row) => row.name.toLowerCase() },
    { key: "ion", head: "Ion", text: true, value: (row) => row.ion, cell: (row) => textCell(row.ion) },
  ];
  const [energy, voltage, capacity, ...others] = data.quantities.map(quantityColumn);
  const limit = {
    key: "limit",
    head: "Faraday limit",
    unit: "mAh/g",
    descending: true,
    value: (row) => row.limit,
    cell: (row) => node("td", {}, compact(row.limit)),
  };
  const notes = { key: "notes", head: "Flags and notes", text: true, descending: true, value: weight };
  notes.cell = notesCell;
  const nearest = { key: "nearest", head: "Nearest known", text: true, value: (row) => row.distance };
  nearest.cell = nearestCell;
  const middle = [energy, voltage, capacity, ...(data.goal ? [probabilityColumn(data)] : [])];
  // A model that comes without its training data knows no nearest one.
  const known = data.rows.some((row) => row.nearest) ? [nearest] : [];
  return [...first, ...middle, notes, ...known, ...data.ownColumns.map(ownColumn), ...others, limit];
}

function quantityColumn({ key, label, unit }) {
  return {
    key,
    head: label,
    unit,
    descending: true,
    value: (row) => row.values[key][0],
    cell: (row) => valueCell(row.values[key], row.aboveLimit && key === "gravimetric_capacity"),
  };
}

function probabilityColumn(data) {
  const { unit } = data.quantities.find((q) => q.key === data.goal.key);
  return {
    key: "probability",
    head: "Probability",
    unit: `above ${compact(data.goal.value)} ${unit}`,
    descending: true,
    value: (row) => row.probability,
    cell: (row) => node("td", {}, row.probability === null ? "-" : percent(row.probability)),
  };
}

// A column of the user's; numbers are sorted as numbers.
function ownColumn(name, i) {
  const value = ({ own }) => (own[i] === "" ? null : isNaN(own[i]) ? own[i].toLowerCase() : Number(own[i]));
  return { key: `own-${i}`, head: name, text: true, value, cell: (row) => textCell(row.own[i]) };
}

const textCell = (text) => node("td", { class: "text" }, text);

function valueCell([value, low, high], wrong) {
  const interval = low === null || high === null ? "no interval" : `${compact(low)} to ${compact(high)}`;
  const mark = wrong ? node("span", { class: "over", title: "above the Faraday limit" }, "!") : "";
  return node("td", {}, compact(value), mark, node("span", { class: "interval" }, interval));
}

function nearestCell(row) {
  if (!row.nearest) return textCell("-");
  return node("td", { class: "text" }, formulaNode("span", row.nearest), node("span", { class: "interval" },
    `distance ${compact(row.distance)}`));
}

function flags(row) {
  const all = [
    [row.front, "front", "Pareto front"],
    [!row.inDomain, "outside", "outside domain"],
    [row.notes.startsWith("impossible"), "outside", "impossible"],
    [row.notes.startsWith("doubtful"), "outside", "doubtful"],
    [row.repeats.length > 0, "again", `repeated ${row.repeats.length}×`],
  ];
  return all.filter(([set]) => set);
}

// How much there is to say against a candidate, for sorting.
function weight(row) {
  return 100 * flags(row).filter(([, kind]) => kind === "outside").length + flags(row).length + row.notes.length / 1e4;
}

function notesCell(row) {
  const again = row.repeats.length ? [`repeated in line ${row.repeats.join(", ")}`] : [];
  const notes = [...(row.notes ? [row.notes] : []), ...again];
  return node(
    "td",
    { class: "wrap notes" },
    ...flags(row).map(([, kind, text]) => node("span", { class: `flag ${kind}` }, text)),
    node("div", {}, notes.join("; ")),
  );
}

function nameCell(row, index, select) {
  const button = node("button", { type: "button", class: "pick", "aria-pressed": "false" });
  button.append(nameNode("span", row));
  button.addEventListener("click", () => select(index, { scroll: false }));
  const formula = row.name === row.formula ? [] : [formulaNode("span", row.formula)];
  formula.forEach((element) => element.classList.add("interval"));
  return node("th", { scope: "row" }, button, ...formula);
}

// The table in `box`; gives functions that show rows in their order and mark the selected one.
export function table(box, { data, select, sorted }) {
  const columns = columnsOf(data);
  let by = null;
  let down = false;
  const heads = columns.map((column) => {
    const unit = column.unit ? [node("span", { class: "interval" }, column.unit)] : [];
    const button = node("button", { type: "button", class: "sort" }, node("span", {}, column.head), ...unit);
    button.addEventListener("click", () => {
      down = by === column ? !down : Boolean(column.descending);
      by = column;
      heads.forEach((head, i) => {
        const order = columns[i] === by ? (down ? "descending" : "ascending") : "none";
        head.setAttribute("aria-sort", order);
      });
      sorted();
    });
    const head = node("th", { scope: "col", "aria-sort": "none", class: column.text ? "text" : "" }, button);
    return head;
  });
  const rows = data.rows.map((row, i) =>
    node("tr", { id: `row-${i}` }, ...columns.map((c) => (c.key === "name" ? nameCell(row, i, select) : c.cell(row)))),
  );
  const body = node("tbody");
  const scrolling = { class: "scroll", role: "region", tabindex: "0", "aria-label": "Candidates" };
  box.replaceChildren(
    node("div", scrolling, node("table", { class: "candidates" }, node("thead", {}, node("tr", {}, ...heads)), body)),
  );
  return {
    // The positions of rows in the order of the table: missing values are last, ties keep the given order.
    order(positions) {
      if (!by) return positions;
      const value = (i) => by.value(data.rows[i]);
      const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
      return positions.slice().sort((i, j) => {
        const [a, b] = [value(i), value(j)];
        if (a === null || b === null) return (a === null) - (b === null);
        return typeof a === typeof b ? compare(a, b) : compare(String(a), String(b));
      });
    },
    show(positions) {
      body.replaceChildren(...positions.map((i) => rows[i]));
    },
    mark(index, { scroll }) {
      rows.forEach((row, i) => {
        row.classList.toggle("selected", i === index);
        row.querySelector(".pick").setAttribute("aria-pressed", String(i === index));
      });
      if (scroll) rows[index].scrollIntoView({ block: "center" });
    },
  };
}
