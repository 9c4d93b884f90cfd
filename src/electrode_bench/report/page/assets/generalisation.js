// Plots of how errors change with what is in the training data: leakage, unseen chemistry, learning curves.

import { clusterTitle } from "./comparison.js";
import { DATA, modelsIn } from "./input.js";
import { axis, draw, eachTarget, layout, marker, panels, rule } from "./plots.js";
import { titles } from "./labels.js";
import { compact, escaped } from "../../web/assets/text.js";

draw.leakage = function () {
  panels("leakage", eachTarget(leakagePlot));
};

function leakagePlot(target) {
  const values = DATA.leakage[target.key];
  const models = modelsIn(values).reverse();
  const traces = models.map((model) => {
    const [[stratified, grouped, ratio]] = values[model.name];
    return {
      x: [stratified, grouped],
      y: [model.title, model.title],
      mode: "lines+markers",
      line: { color: model.colour, width: 2 },
      marker: {
        size: 11,
        color: model.colour,
        symbol: ["circle-open", "diamond"],
        line: { width: 2, color: model.colour },
      },
      text: [
        `stratified: SMAE ${compact(stratified)}`,
        `grouped: SMAE ${compact(grouped)}, MAE ${compact(ratio)} times as large`,
      ],
      hovertemplate: `${escaped(model.title)}, %{text}<extra></extra>`,
    };
  });
  const text = (model) => `${model.title} ${values[model.name][0].slice(0, 2).map(compact).join(", ")}`;
  return {
    traces,
    label: `Leakage, ${target.label}, SMAE stratified then grouped: ${models.map(text).join("; ")}`,
    layout: layout(
      axis("SMAE; ○ stratified, ◆ grouped", { rangemode: "tozero" }),
      axis("", { type: "category", showgrid: false }),
      { height: 110 + 40 * models.length },
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
      axis(`MAE (${target.unit})`, { type: "log", nticks: 6, tickformat: ".3~g" }),
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
