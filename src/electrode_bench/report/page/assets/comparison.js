// Plots of the models' errors: ranking, parity, calibration, and the working ions.

import { DATA, ELECTRODES, STYLE, modelNamed, modelsIn } from "./input.js";
import { axis, draw, eachTarget, layout, marker, panels, rule, scatterType } from "./plots.js";
import { protocolOf, selected, wrapped } from "./labels.js";
import { shownColour } from "./palette.js";
import { compact, escaped, percent, subscripts } from "../../web/assets/text.js";
import { colours } from "../../web/assets/theme.js";

draw.ranking = function () {
  const protocol = protocolOf("ranking");
  panels("ranking", eachTarget((target) => rankingPlot(target, protocol, (DATA.ranking[protocol] || {})[target.key])));
};

function rankingPlot(target, protocol, values) {
  const rows = modelsIn(values)
    .map((model) => ({ model, value: values[model.name] }))
    .sort((a, b) => b.value[0] - a.value[0]);
  const traces = rows.map(({ model, value: [difference, low, high, significant] }) => {
    const verdict = `${significant ? "significantly different from" : "statistically tied with"} the control`;
    const interval = `${compact(difference)} (${compact(low)} to ${compact(high)}) ${target.unit}`;
    return {
      x: [difference],
      y: [wrapped(model.title)],
      mode: "markers",
      marker: marker(model, { size: 11 }),
      error_x: {
        type: "data",
        symmetric: false,
        array: [high - difference],
        arrayminus: [difference - low],
        color: model.colour,
        thickness: 2,
        width: 6,
      },
      hovertemplate: `${escaped(model.title)}: ${interval}<br>${verdict}<extra></extra>`,
    };
  });
  const text = ({ model, value }) =>
    `${model.title} ${compact(value[0])} (${compact(value[1])} to ${compact(value[2])}) ${target.unit}`;
  const described = rows.slice().reverse().map(text).join("; ") || "no model";
  return {
    traces,
    label: `${target.label}, protocol ${protocol}, difference to the control's MAE: ${described}`,
    layout: layout(
      axis(`MAE minus the control's (${target.unit})`, { nticks: 6 }),
      axis("", { type: "category", showgrid: false, ticklabelposition: "outside" }),
      { height: 110 + 46 * Math.max(1, rows.length), shapes: [rule("x", 0)] },
    ),
  };
}

draw.parity = function () {
  const protocol = protocolOf("parity");
  const model = modelNamed(selected("parity-model"));
  panels("parity", eachTarget((target) => parityPlot(target, protocol, model)));
};

function parityPlot(target, protocol, model) {
  const predicted = ((DATA.predictions[protocol] || {})[model.name] || {})[target.key];
  const tested = predicted ? ELECTRODES.id.map((_, i) => i).filter((i) => predicted[i] !== null) : [];
  const label = `Parity plot of ${target.label}: ${model.title}, protocol ${protocol}, ${tested.length} electrodes`;
  if (tested.length === 0) return { traces: [], label };
  const range = DATA.parityLimits[protocol][model.name][target.key];
  const type = scatterType(tested.length);
  const facts = DATA.parityFacts[protocol][model.name][target.key];
  const size = tested.length >= STYLE.webglFrom ? 5 : 7;
  // The rarest ion is drawn last, so that no other hides it.
  const groups = DATA.map.groups.ion.map((ion) => ionTrace(ion, { tested, predicted, target, type, size }));
  const diagonal = {
    type,
    x: [Math.min(range[0], ...ends(target)), Math.max(range[1], ...ends(target))],
    mode: "lines",
    line: { color: colours().muted, width: 1 },
    hoverinfo: "skip",
  };
  diagonal.y = diagonal.x;
  return {
    traces: [diagonal, ...groups],
    label: `${label}: ${facts.join(", ")}`,
    layout: layout(
      axis(`Reference (${target.unit})`, { range, constrain: "domain" }),
      axis(`Predicted (${target.unit})`, { range, scaleanchor: "x", constrain: "domain" }),
      { height: 360, annotations: [corner(facts)] },
    ),
  };
}

// The smallest and the largest reference value of a target.
function ends(target) {
  const values = ELECTRODES.values[target.key];
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

function ionTrace(ion, { tested, predicted, target, type, size }) {
  const members = tested.filter((i) => ELECTRODES.ion[i] === ion.key);
  const unit = target.unit;
  return {
    type,
    x: members.map((i) => ELECTRODES.values[target.key][i]),
    y: members.map((i) => predicted[i]),
    mode: "markers",
    text: members.map((i) => `<b>${subscripts(ELECTRODES.formula[i])}</b><br>${escaped(ELECTRODES.id[i])}, ${ion.key}`),
    marker: { color: ion.colour, symbol: ion.symbol, size, opacity: 0.65 },
    hovertemplate: `%{text}<br>reference %{x:.4g} ${unit}<br>predicted %{y:.4g} ${unit}<extra></extra>`,
  };
}

// Lines of text in the upper left corner of a plot, where predictions are far too large.
function corner(lines) {
  return {
    xref: "x domain",
    yref: "y domain",
    x: 0.02,
    y: 0.98,
    xanchor: "left",
    yanchor: "top",
    align: "left",
    text: lines.join("<br>"),
    showarrow: false,
    font: { size: 12 },
    bgcolor: colours().page,
    opacity: 0.85,
  };
}

draw.calibration = function () {
  panels("calibration", eachTarget(calibrationPlot));
};

function calibrationPlot(target) {
  const models = DATA.models.filter((model) => (DATA.calibration[model.name] || {})[target.key]);
  const levels = DATA.levels.map((level) => 100 * level);
  const lines = models.map((model) => ({
    x: levels,
    y: DATA.calibration[model.name][target.key].map((share) => 100 * share),
    mode: "lines+markers",
    marker: marker(model, { size: 7 }),
    line: { color: model.colour, width: 1.5, dash: model.dash },
    hovertemplate: `${escaped(model.title)}: %{y:.0f}% of the errors, expected %{x:.0f}%<extra></extra>`,
  }));
  const diagonal = {
    x: [0, 100],
    y: [0, 100],
    mode: "lines",
    line: { color: colours().muted, width: 1 },
    hoverinfo: "skip",
  };
  const at = DATA.levels.indexOf(0.9);
  const shares = models.map((model) => `${model.title} ${percent(DATA.calibration[model.name][target.key][at])}`);
  return {
    traces: models.length === 0 ? [] : [diagonal, ...lines],
    label: `Calibration of ${target.label}, share of errors in the 90% interval: ${shares.join("; ") || "no model"}`,
    layout: layout(
      axis("Expected share of electrodes (%)", { range: [0, 100] }),
      axis("Observed share of electrodes (%)", { range: [0, 102] }),
    ),
  };
}

draw.ions = function () {
  const bars = {
    type: "bar",
    x: DATA.ions.map(([ion]) => ion),
    y: DATA.ions.map(([, n]) => n),
    text: DATA.ions.map(([, n]) => String(n)),
    textposition: "outside",
    cliponaxis: false,
    marker: { color: shownColour(STYLE.colours[0]) },
    hovertemplate: "%{x}: %{y} electrodes<extra></extra>",
  };
  const plot = {
    title: "",
    traces: [bars],
    label: `Electrodes by working ion: ${DATA.ions.map(([ion, n]) => `${ion} ${n}`).join(", ")}`,
    layout: layout(axis("Working ion", { type: "category" }), axis("Electrodes (count)"), {
      height: 300,
      margin: { l: 56, r: 14, t: 24, b: 44 },
    }),
  };
  panels("ions", [plot]);
};
