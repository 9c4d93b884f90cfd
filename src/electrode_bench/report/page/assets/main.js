// Wiring: sections are drawn when they come near the screen, and again when a select or the theme changes.

import { DATA, byFormula } from "./input.js";
import { find, showDetails } from "./map.js";
import { paint } from "./palette.js";
import { draw, drawn, redraw } from "./plots.js";
import { protocolOf } from "./labels.js";
import { startSections } from "./sections.js";
import { startTables } from "./tables.js";
import { byId, node } from "../../web/assets/text.js";
import { legend } from "../../web/assets/symbols.js";
import { startTheme } from "../../web/assets/theme.js";

const boxes = document.querySelectorAll("[data-plots]");

function drawOnce(section) {
  if (drawn.has(section)) return;
  drawn.add(section);
  draw[section]();
}

const nearScreen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      nearScreen.unobserve(entry.target);
      drawOnce(entry.target.dataset.plots);
    }
  },
  { rootMargin: "500px" },
);
boxes.forEach((box) => nearScreen.observe(box));
startTables();
// Sections are opened before what is in them is drawn for printing.
startSections();
addEventListener("beforeprint", () => boxes.forEach((box) => drawOnce(box.dataset.plots)));

const LEGENDS = {
  models: DATA.models,
  others: DATA.models.filter((model) => model.name !== "control"),
  ions: DATA.map.groups.ion,
  uncertain: DATA.models.filter((model) => DATA.calibration[model.name]),
};
function drawLegends() {
  document.querySelectorAll("[data-legend]").forEach((list) => legend(list, LEGENDS[list.dataset.legend]));
}

document.querySelectorAll("select[data-section]").forEach((control) => {
  control.addEventListener("change", () => {
    const { section } = control.dataset;
    document.querySelectorAll(`[data-of="${section}"]`).forEach((part) => {
      part.hidden = part.dataset.protocol !== protocolOf(section);
    });
    if (drawn.has(section)) draw[section]();
    if (section === "map") showDetails();
  });
});

byId("formulas").append(...[...byFormula.keys()].sort().map((formula) => node("option", { value: formula })));
// Choosing from the list is an input event with a whole formula; typing ends with Enter or the button.
byId("find").addEventListener("input", () => find(true));
byId("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") find(false);
});
byId("find-go").addEventListener("click", () => find(false));

startTheme(byId("theme"), () => {
  paint();
  drawLegends();
  redraw();
});

let width = innerWidth;
let waiting = null;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (drawn.has("map")) draw.map();
  }, 200);
});
document.documentElement.dataset.ready = "true";
