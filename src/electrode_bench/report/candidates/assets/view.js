// Candidates in figure, map and table; a selected one is marked in all of them.

import { byId, node } from "../../web/assets/text.js";
import { legend } from "../../web/assets/symbols.js";
import { drawEnergies } from "./energies.js";
import { passing, startFilters } from "./filters.js";
import { drawKnown } from "./known.js";
import { table } from "./rows.js";

// Error bars of more candidates hide each other.
const MOST_BARS = 60;

let current = null;

// Show the candidates of `data` (see data.py). If there is a function `selected`, it is called with the position of a
// row that was selected and how; otherwise the page scrolls to the row.
export function showCandidates(data, selected = null) {
  const state = { data, shown: data.rows.map((_, i) => i), chosen: null };
  current = state;
  const quantities = data.quantities.filter((q) => q.key !== data.x);
  byId("quantity").replaceChildren(
    ...quantities.map((q) => node("option", { value: q.key, ...(q.key === data.y ? { selected: "" } : {}) }, q.title)),
  );
  byId("bars").checked = data.rows.length <= MOST_BARS;
  byId("names").checked = true;
  const select = (index, how) => {
    state.chosen = index;
    rows.mark(index, { scroll: how.scroll && !selected });
    drawPlots();
    if (selected) selected(index, how);
  };
  const rows = table(byId("table"), { data, select, sorted: () => rows.show(rows.order(state.shown)) });
  const changed = () => {
    state.shown = passing(data);
    rows.show(rows.order(state.shown));
    byId("count").textContent = `${state.shown.length} of ${data.rows.length} candidates shown`;
    drawPlots();
  };
  state.select = select;
  startFilters(data, changed);
  for (const id of ["quantity", "bars", "names"]) byId(id).onchange = drawPlots;
  const marks = data.ions.map((ion) => ({ ...ion, title: `${ion.title} electrode` }));
  const outside = data.rows.some((row) => !row.inDomain);
  const hollow = { title: "outside the domain of the model", symbol: "circle", colour: "#8C8C8C", hollow: true };
  legend(byId("legend"), outside ? [...marks, hollow] : marks);
  byId("front").textContent = data.front;
  byId("level").textContent = data.level;
  byId("map-part").hidden = !data.map;
  byId("map-part").parentElement.classList.toggle("alone", !data.map);
  byId("no-map").hidden = Boolean(data.map);
  changed();
  return { select };
}

function drawPlots() {
  const options = { y: byId("quantity").value, bars: byId("bars").checked, names: byId("names").checked };
  const { data, shown, chosen, select } = current;
  const what = { data, shown, selected: chosen, options, select };
  byId("figure-title").textContent = `${data.quantities.find((q) => q.key === options.y).label} against voltage`;
  byId("front-note").hidden = options.y !== data.frontOf || !data.rows.some((row) => row.front);
  drawEnergies(byId("energies"), what);
  if (data.map) drawKnown(byId("known"), what);
}

let width = innerWidth;
let redrawing = null;
addEventListener("resize", () => {
  if (innerWidth === width || !current) return;
  width = innerWidth;
  clearTimeout(redrawing);
  redrawing = setTimeout(drawPlots, 150);
});
