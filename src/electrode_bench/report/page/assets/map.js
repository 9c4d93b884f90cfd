// The map of compositions, and the panel that shows the selected electrode.

import { DATA, ELECTRODES, byFormula, modelsIn, positionOf } from "./input.js";
import { axis, draw, drawn, layout, panels, scatterType } from "./plots.js";
import { clusterName, protocolOf, selected } from "./labels.js";
import { colourScale } from "./palette.js";
import { byId, compact, escaped, formulaNode, node, subscripts } from "../../web/assets/text.js";
import { legend } from "../../web/assets/symbols.js";
import { colours } from "../../web/assets/theme.js";

const onMap = ELECTRODES.id.map((_, i) => i).filter((i) => ELECTRODES.x[i] !== null && ELECTRODES.y[i] !== null);
const MOST_OTHERS = 12;
let current = null;
let listening = false;

draw.map = function () {
  const colour = selected("map-colour");
  const target = DATA.targets.find((t) => t.key === colour);
  const groups = target ? [] : DATA.map.groups[colour];
  const traces = target ? [targetTrace(target)] : groups.map((group) => groupTrace(group, colour));
  const representatives = Object.values(DATA.representatives).map((r) => positionOf.get(r.id));
  traces.push(ring(representatives.filter((i) => ELECTRODES.x[i] !== null), 12, 2));
  traces.push(ring(current === null || ELECTRODES.x[current] === null ? [] : [current], 20, 4));

  const width = document.querySelector('[data-plots="map"]').clientWidth;
  // A colour bar needs room below the map.
  const height = Math.round(Math.max(380, Math.min(620, width * 0.8))) + (target ? 70 : 0);
  const clusters = Object.keys(DATA.representatives).length;
  const [div] = panels("map", [{
    title: "",
    traces,
    label:
      `Map of ${onMap.length} electrodes in ${clusters} clusters, coloured by ${target ? target.label : colour}. ` +
      'The field "Find a formula or id" selects one by keyboard.',
    layout: layout(
      axis(DATA.map.axes[0], { range: DATA.map.ranges[0] }),
      axis(DATA.map.axes[1], { range: DATA.map.ranges[1], scaleanchor: "x" }),
      { height, annotations: annotations(width - 70) },
    ),
  }]);
  legend(byId("map-legend"), groups);
  if (!listening && div.on) {
    listening = true;
    div.on("plotly_click", (event) => {
      const i = event.points[0].customdata;
      if (i !== undefined) select(i);
    });
  }
};

function points(positions, marker) {
  return {
    type: scatterType(onMap.length),
    mode: "markers",
    x: positions.map((i) => ELECTRODES.x[i]),
    y: positions.map((i) => ELECTRODES.y[i]),
    customdata: positions,
    text: positions.map(hover),
    hovertemplate: "%{text}<extra></extra>",
    marker: { size: 7, opacity: 0.85, line: { width: 0.4, color: colours().page }, ...marker },
  };
}

function hover(i) {
  const about = [ELECTRODES.id[i], ELECTRODES.ion[i], clusterName(ELECTRODES.cluster[i])].map(escaped).join(", ");
  const values = DATA.targets.map((t) => `${t.label}: ${compact(ELECTRODES.values[t.key][i])} ${t.unit}`);
  return [`<b>${subscripts(ELECTRODES.formula[i])}</b>`, about, ...values].join("<br>");
}

function groupTrace(group, column) {
  const members = onMap.filter((i) => String(ELECTRODES[column][i]) === group.key);
  return points(members, { color: group.colour, symbol: group.symbol, size: group.size });
}

function targetTrace(target) {
  const [low, high] = DATA.map.colours[target.key];
  return points(onMap, {
    color: onMap.map((i) => ELECTRODES.values[target.key][i]),
    colorscale: colourScale(),
    // The ends of the scale are as light or as dark as the page: an edge keeps their points visible.
    line: { width: 0.5, color: colours().muted },
    cmin: low,
    cmax: high,
    colorbar: {
      orientation: "h",
      y: -0.2,
      yanchor: "top",
      thickness: 12,
      len: 0.95,
      outlinewidth: 0,
      title: { text: `${target.title}, percentiles 1 to 99`, side: "bottom", font: { size: 12 } },
    },
  });
}

function ring(positions, size, width) {
  const ink = colours().ink;
  return {
    type: scatterType(onMap.length),
    mode: "markers",
    x: positions.map((i) => ELECTRODES.x[i]),
    y: positions.map((i) => ELECTRODES.y[i]),
    hoverinfo: "skip",
    marker: { symbol: "circle-open", size, color: ink, line: { width, color: ink } },
  };
}

// The clusters' names, placed for the largest plotting area that is not wider than this one.
function annotations(width) {
  const layouts = DATA.map.labelLayouts;
  const fitting = layouts.filter((l) => l.width <= width);
  const { fontSize, labels } = fitting.length ? fitting[fitting.length - 1] : layouts[0];
  const c = colours();
  return labels.map((label) => ({
    x: ELECTRODES.x[positionOf.get(label.id)],
    y: ELECTRODES.y[positionOf.get(label.id)],
    ax: label.dx,
    // plotly counts an annotation's offset downwards.
    ay: -label.dy,
    text: subscripts(label.text),
    showarrow: true,
    arrowhead: 0,
    arrowwidth: 1,
    arrowcolor: c.muted,
    standoff: 5,
    font: { size: fontSize, color: c.ink },
    bgcolor: c.page,
    opacity: 0.9,
    borderpad: 1,
  }));
}

// --- the selected electrode ---

export function select(i) {
  current = i;
  byId("find").value = ELECTRODES.formula[i];
  showDetails();
  if (drawn.has("map")) {
    const div = document.querySelector('[data-plots="map"] .plot');
    const placed = ELECTRODES.x[i] !== null;
    const [x, y] = placed ? [[ELECTRODES.x[i]], [ELECTRODES.y[i]]] : [[], []];
    Plotly.restyle(div, { x: [x], y: [y] }, [div.data.length - 1]);
  }
}

export function showDetails() {
  if (current === null) return;
  const i = current;
  const representative = DATA.representatives[ELECTRODES.cluster[i]];
  const where = ELECTRODES.cluster[i] === -1 ? "in no cluster (noise)" : clusterName(ELECTRODES.cluster[i]);
  const of = representative ? `, e.g. ${representative.formula}` : "";
  byId("details").replaceChildren(
    formulaNode("h3", ELECTRODES.formula[i]),
    node("p", {}, `${ELECTRODES.id[i]}, working ion ${ELECTRODES.ion[i]}, ${where}${of}`),
    ...predictionsOf(i),
    ...others(i),
  );
}

function predictionsOf(i) {
  const protocol = protocolOf("map");
  const predictions = DATA.predictions[protocol] || {};
  const models = modelsIn(predictions);
  const row = (title, cells) => node("tr", {}, node("th", { scope: "row" }, title), ...cells);
  const heads = DATA.targets.map((t) => node("th", { scope: "col" }, `${t.label}, ${t.unit}`));
  const reference = DATA.targets.map((t) => node("td", {}, compact(ELECTRODES.values[t.key][i])));
  const rows = models.map((model) => {
    const predicted = predictions[model.name];
    return row(model.title, DATA.targets.map((t) => predictionCell(predicted[t.key][i], ELECTRODES.values[t.key][i])));
  });
  const table = node(
    "table",
    {},
    node("thead", {}, node("tr", {}, node("th", { scope: "col" }, ""), ...heads)),
    node("tbody", {}, row("Reference", reference), ...rows),
  );
  const label = "Reference values and predictions";
  const tested = models.some((model) => DATA.targets.some((t) => predictions[model.name][t.key][i] !== null));
  const note = tested
    ? `Predictions under the protocol ${protocol}, by models that were not trained on this electrode. Below each: ` +
      "predicted minus reference."
    : `Never tested under the protocol ${protocol}.`;
  return [
    node("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table),
    node("p", { class: "muted" }, note),
  ];
}

function predictionCell(predicted, reference) {
  if (predicted === null) return node("td", {}, "-");
  const error = predicted - reference;
  const text = `${error < 0 ? "\u2212" : "+"}${compact(Math.abs(error))}`;
  return node("td", {}, compact(predicted), node("br"), node("span", { class: "muted" }, text));
}

// Buttons for the other electrodes with the same formula.
function others(i) {
  const positions = byFormula.get(ELECTRODES.formula[i]).filter((j) => j !== i);
  if (!positions.length) return [];
  const buttons = positions.slice(0, MOST_OTHERS).map((j) => {
    const button = node("button", { type: "button" }, ELECTRODES.id[j]);
    button.addEventListener("click", () => {
      select(j);
      byId("details").focus();
    });
    return button;
  });
  const more = positions.length > MOST_OTHERS ? `, of which ${MOST_OTHERS} are shown` : "";
  return [
    node("h3", {}, `${positions.length} more with this formula${more}`),
    node("div", { class: "here" }, ...buttons),
  ];
}

// Select the electrode that the field names. While typing (`exactly`) only a whole formula or id counts.
export function find(exactly) {
  const text = byId("find").value.trim();
  if (!text) {
    if (!exactly) showDetails();
    return;
  }
  const i = exactly ? exact(text) : closest(text);
  if (i === -1) {
    if (exactly) return;
    const message = `No electrode has the formula or id "${text}".`;
    byId("details").replaceChildren(node("h3", {}, "Not found"), node("p", {}, message));
  } else if (i === current || (current !== null && ELECTRODES.formula[current] === text)) {
    showDetails();
  } else {
    select(i);
  }
}

function exact(text) {
  if (byFormula.has(text)) return byFormula.get(text)[0];
  return positionOf.has(text) ? positionOf.get(text) : -1;
}

function closest(text) {
  const lower = text.toLowerCase();
  const attempts = [
    () => exact(text),
    () => ELECTRODES.formula.findIndex((formula) => formula.toLowerCase() === lower),
    () => ELECTRODES.id.findIndex((id) => id.toLowerCase() === lower),
    () => ELECTRODES.formula.findIndex((formula) => formula.toLowerCase().startsWith(lower)),
  ];
  return attempts.reduce((i, attempt) => (i === -1 ? attempt() : i), -1);
}
