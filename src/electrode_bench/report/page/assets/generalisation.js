// Plots of how errors change with what is in the training data: leakage, unseen chemistry, learning curves.

import { clusterTitle } from "./groups.js";
import { DATA, modelsIn } from "./input.js";
import { axis, draw, eachTarget, layout, marker, panels, rule } from "./plots.js";
import { titles, wrapped } from "./labels.js";
import { compact, escaped } from "../../web/assets/text.js";

draw.leakage = function () {
  panels("leakage", eachTarget(leakagePlot));
};

// The ratio of two errors as a share that is added or saved: "10% larger".
function change(ratio) {
  const share = Math.abs(Math.round(100 * (ratio - 1)));
  return `${share}% ${ratio < 1 ? "smaller" : "larger"}`;
}

function leakagePlot(target) {
  const values = DATA.leakage[target.key];
  const models = modelsIn(values).filter((model) => values[model.name][0][0] !== null).reverse();
  const traces = models.map((model) => {
    const [[ratio, stratified, grouped]] = values[model.name];
    const errors = `MAE ${compact(stratified)} ${target.unit} stratified, ${compact(grouped)} ${target.unit} grouped`;
    return {
      x: [ratio],
      y: [wrapped(model.title)],
      mode: "markers+text",
      marker: marker(model, { size: 11 }),
      text: [compact(ratio)],
      textposition: "top center",
      cliponaxis: false,
      hovertemplate: `${escaped(model.title)}: ${change(ratio)} on new formulas<br>${errors}<extra></extra>`,
    };
  });
  const ratios = models.map((model) => values[model.name][0][0]);
  const [low, high] = [Math.min(1, ...ratios), Math.max(1, ...ratios)];
  const margin = 0.12 * (high - low) || 0.1;
  const text = (model) => `${model.title} ${compact(values[model.name][0][0])}`;
  return {
    traces,
    label: `Leakage, ${target.label}, MAE grouped divided by MAE stratified: ${models.map(text).join("; ")}`,
    layout: layout(
      axis("MAE grouped / MAE stratified", { range: [low - margin, high + margin], nticks: 6 }),
      axis("", { type: "category", showgrid: false }),
      { height: 110 + 46 * models.length, shapes: [rule("x", 1)] },
    ),
  };
}

draw.chemistry = function () {
  panels("chemistry", eachTarget(chemistryPlot));
};

function chemistryPlot(target) {
  const models = modelsIn(DATA.penalties[target.key]);
  const traces = models.map((model) => {
    const rows = DATA.penalties[target.key][model.name].filter((row) => row[1] !== null && row[2] !== null);
    return {
      x: rows.map((row) => row[1]),
      y: rows.map((row) => row[2]),
      mode: "markers",
      marker: marker(model),
      text: rows.map(([cluster, , , stratified, leftOut, n]) => {
        const [known, unseen] = [stratified, leftOut].map((mae) => `${compact(mae)} ${target.unit}`);
        const errors = `MAE ${known} stratified, ${unseen} left out`;
        return `${escaped(model.title)}, ${clusterTitle(cluster)}, ${n} electrodes<br>${errors}`;
      }),
      hovertemplate: "%{text}<br>ratio %{y:.3g}, ElMD %{x:.3g}<extra></extra>",
    };
  });
  return {
    traces,
    label: `Error on unseen clusters against their distance, ${target.label}: ${titles(models)}`,
    layout: layout(
      axis("ElMD to the nearest composition outside (steps)"),
      axis("MAE left out / MAE stratified", { type: "log", nticks: 6, tickformat: ".2~f" }),
      { shapes: [rule("y", 1)] },
    ),
  };
}

draw.curves = function () {
  panels("curves", eachTarget(curvePlot));
};

function curvePlot(target) {
  const models = modelsIn(DATA.curve[target.key]);
  const traces = models.flatMap((model) => {
    const rows = DATA.curve[target.key][model.name];
    const [law] = (DATA.laws[target.key] || {})[model.name] || [];
    return [...(law ? powerLaw(model, law, rows[0][0]) : []), measured(model, rows, target)];
  });
  const text = (model) => {
    const rows = DATA.curve[target.key][model.name];
    const [first, last] = [rows[0], rows[rows.length - 1]];
    return `${model.title} from ${compact(first[1])} at ${first[0]} rows to ${compact(last[1])} at ${last[0]}`;
  };
  return {
    traces,
    label: `Learning curve of ${target.label}: ${models.map(text).join("; ")}`,
    layout: layout(
      axis("Training rows", { type: "log", tickformat: ",d", nticks: 5 }),
      axis(`MAE (${target.unit})`, { type: "log", nticks: 6, tickformat: ",.3~r" }),
    ),
  };
}

// The fitted curve from the smallest size to the largest, and dotted to twice the largest.
function powerLaw(model, [exponent, n, mae], first) {
  const at = (size) => mae * Math.pow(size / n, -exponent);
  const part = (from, to, dash) => ({
    x: [from, to],
    y: [at(from), at(to)],
    mode: "lines",
    line: { color: model.colour, width: 1.5, dash },
    hoverinfo: "skip",
  });
  return [part(first, n, model.dash === "dot" ? "solid" : model.dash), part(n, 2 * n, "dot")];
}

function measured(model, rows, target) {
  return {
    x: rows.map((row) => row[0]),
    y: rows.map((row) => row[1]),
    mode: "markers",
    marker: marker(model),
    error_y: { type: "data", array: rows.map((row) => row[2] || 0), color: model.colour, thickness: 1.2, width: 4 },
    text: rows.map(([n, mae, deviation, repeats]) => {
      const error = `MAE ${compact(mae)} ± ${compact(deviation)} ${target.unit}, ${repeats} repeats`;
      return `${escaped(model.title)}, ${n} training rows<br>${error}`;
    }),
    hovertemplate: "%{text}<extra></extra>",
  };
}
