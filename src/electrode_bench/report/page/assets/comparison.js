// Plots of the models' errors: ranking, parity, errors by group, calibration, and the working ions.

import { DATA, ELECTRODES, STYLE, modelNamed, modelsIn } from "./input.js";
import { axis, draw, eachTarget, layout, marker, panels, rule, scatterType } from "./plots.js";
import { clusterName, protocolOf, selected, titles } from "./labels.js";
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
    const interval = `${percent(difference)} (${percent(low)} to ${percent(high)})`;
    return {
      x: [100 * difference],
      y: [model.title],
      mode: "markers",
      marker: marker(model, { size: 11 }),
      error_x: {
        type: "data",
        symmetric: false,
        array: [100 * (high - difference)],
        arrayminus: [100 * (difference - low)],
        color: model.colour,
        thickness: 2,
        width: 6,
      },
      hovertemplate: `${escaped(model.title)}: ${interval}<br>${verdict}<extra></extra>`,
    };
  });
  const text = ({ model, value }) =>
    `${model.title} ${percent(value[0])} (${percent(value[1])} to ${percent(value[2])})`;
  const described = rows.slice().reverse().map(text).join("; ") || "no model";
  return {
    traces,
    label: `${target.label}, protocol ${protocol}, difference to the control's MAE: ${described}`,
    layout: layout(
      axis("MAE minus the control's (% of the control's)", { ticksuffix: "%" }),
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
  const background = model.symbol === "x";
  const hover = `%{text}<br>reference %{x:.4g} ${target.unit}<br>predicted %{y:.4g} ${target.unit}<extra></extra>`;
  const traces = [
    { type, x: range, y: range, mode: "lines", line: { color: colours().muted, width: 1 }, hoverinfo: "skip" },
    {
      type,
      x: tested.map((i) => ELECTRODES.values[target.key][i]),
      y: tested.map((i) => predicted[i]),
      mode: "markers",
      text: tested.map((i) => `${subscripts(ELECTRODES.formula[i])}<br>${escaped(ELECTRODES.id[i])}`),
      marker: {
        color: background ? STYLE.colours[0] : model.colour,
        symbol: background ? "circle" : model.symbol,
        size: tested.length >= STYLE.webglFrom ? 5 : 7,
        opacity: 0.5,
      },
      hovertemplate: hover,
    },
  ];
  return {
    traces,
    label,
    layout: layout(
      axis(`Reference (${target.unit})`, { range }),
      axis(`Predicted (${target.unit})`, { range, scaleanchor: "x", constrain: "domain" }),
      { height: 360 },
    ),
  };
}

// What is drawn of a group: the position of its value in DATA.groups, title, axis and reference line.
const SMAE = { value: 0, title: "SMAE", axis: () => axis("SMAE (no unit)", { rangemode: "tozero" }), line: 1 };
const BIAS = { value: 1, title: "bias", axis: (target) => axis(`Bias (${target.unit})`), line: 0 };

draw.groups = function () {
  const plots = (quantity) => DATA.targets.map((target) => groupsPlot(target, quantity));
  panels("groups", [...plots(SMAE), ...plots(BIAS)]);
};

function groupsPlot(target, quantity) {
  const protocol = protocolOf("groups");
  const clusters = selected("groups-by") === "cluster";
  const values = ((DATA.groups[selected("groups-by")] || {})[protocol] || {})[target.key];
  const titleOf = clusters ? clusterTitle : escaped;
  const models = modelsIn(values);
  const order = clusters ? DATA.map.groups.cluster.map((group) => group.key) : DATA.ions.map(([ion]) => ion);
  const groups = order.filter((group) => models.some((model) => values[model.name][group]));
  const traces = models.map((model, j) => {
    const rows = groups
      .map((group, i) => [group, i, values[model.name][group]])
      .filter(([, , row]) => row && row[quantity.value] !== null);
    // Models side by side within the width of a group.
    const shift = (0.7 / models.length) * (j - (models.length - 1) / 2);
    return {
      x: rows.map(([, i]) => i + shift),
      y: rows.map(([, , row]) => row[quantity.value]),
      mode: "markers",
      marker: marker(model, { size: 8 }),
      text: rows.map(([group, , row]) => groupHover(model, titleOf(group), row, target)),
      hovertemplate: "%{text}<extra></extra>",
    };
  });
  const by = clusters ? "cluster" : "working ion";
  const separators = groups.slice(1).map((_, i) => ({
    ...rule("x", i + 0.5),
    line: { color: colours().grid, width: 1 },
  }));
  return {
    title: `${target.label}: ${quantity.title}`,
    traces,
    label: `${quantity.title} of ${target.label} by ${by}, protocol ${protocol}: ${titles(models)}`,
    layout: layout(
      axis(clusters ? "Cluster (no unit)" : "Working ion", {
        tickmode: "array",
        tickvals: groups.map((_, i) => i),
        ticktext: groups.map((group) => (clusters && group === "-1" ? "noise" : group)),
        range: [-0.6, groups.length - 0.4],
        tickangle: 0,
        showgrid: false,
      }),
      quantity.axis(target),
      { height: 280, shapes: [rule("y", quantity.line), ...separators] },
    ),
  };
}

function groupHover(model, group, [smae, bias, mae, n], target) {
  const errors = `SMAE ${compact(smae)}, bias ${compact(bias)} ${target.unit}`;
  return `${escaped(model.title)}, ${group}<br>${errors}<br>MAE ${compact(mae)} ${target.unit}, ${n} test rows`;
}

// A cluster's name and its representative's formula, as HTML.
export function clusterTitle(cluster) {
  const representative = DATA.representatives[cluster];
  return representative ? `cluster ${cluster}, ${subscripts(representative.formula)}` : clusterName(cluster);
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
    marker: { color: STYLE.colours[0] },
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
