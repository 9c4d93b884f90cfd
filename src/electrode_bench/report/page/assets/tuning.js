// Plots of the studies that configurations were adopted from.

import { DATA, STYLE, modelNamed } from "./input.js";
import { axis, draw, drawn, hasWebgl, layout, panels, rule } from "./plots.js";
import { selected } from "./labels.js";
import { compact } from "../../web/assets/text.js";
import { colours, isDark } from "../../web/assets/theme.js";

draw.tuning = function () {
  const model = modelNamed(selected("tuning-model"));
  const study = DATA.sweeps[model.name];
  const plots = [historyPlot(model, study), importancesPlot(model, study)];
  if (study.two) plots.push(paretoPlot(model, study));
  panels("tuning", plots);
  drawn.add("parallel");
  draw.parallel();
};

// A trial is [number, state, value, seconds].
const complete = (study) => study.trials.filter(([, state, value]) => state === "complete" && value !== null);

function historyPlot(model, study) {
  const c = colours();
  const finished = complete(study);
  const pruned = study.trials.filter(([, state, value]) => state === "pruned" && value !== null);
  const adopted = study.trials.find(([number]) => number === study.adopted);
  let smallest = Infinity;
  const best = finished.map(([, , value]) => (smallest = Math.min(smallest, value)));
  const points = (trials, name, style) => ({
    x: trials.map(([number]) => number),
    y: trials.map(([, , value]) => value),
    mode: "markers",
    marker: style,
    hovertemplate: `trial %{x}, ${name}: %{y:.4f}<extra></extra>`,
  });
  const traces = [
    points(pruned, "pruned, last reported value", { color: c.muted, symbol: "x-thin-open", size: 7 }),
    points(finished, "complete", { color: model.colour, symbol: "circle", size: 7, opacity: 0.7 }),
    {
      x: finished.map(([number]) => number),
      y: best,
      mode: "lines",
      line: { color: model.colour, width: 2, shape: "hv" },
      hovertemplate: "best so far %{y:.4f}<extra></extra>",
    },
  ];
  if (adopted) traces.push(points([adopted], "adopted", { color: c.ink, symbol: "star", size: 13 }));
  const before = study.configured === null || study.configured === undefined ? [] : [rule("y", study.configured)];
  const counts = `${finished.length} complete trials, smallest ${smallest.toFixed(4)}, ${pruned.length} pruned`;
  return {
    title: `History: ${study.objective}`,
    traces: finished.length ? traces : [],
    label: `History of ${model.title}: ${counts}`,
    layout: layout(
      axis("Trial"),
      axis(study.objective, { type: "log", nticks: 6, tickformat: ".3~g" }),
      { shapes: before },
    ),
  };
}

function importancesPlot(model, study) {
  const shares = [...study.importances].reverse();
  const bars = {
    type: "bar",
    orientation: "h",
    x: shares.map(([, share]) => 100 * share),
    y: shares.map(([name]) => name),
    marker: { color: model.colour },
    hovertemplate: "%{y}: %{x:.0f}% of the variance<extra></extra>",
  };
  const text = study.importances.map(([name, share]) => `${name} ${compact(100 * share)}%`).join(", ");
  return {
    title: "Parameter importance (fANOVA)",
    traces: shares.length ? [bars] : [],
    label: `Importances of ${model.title}: ${text}`,
    layout: layout(
      axis("Explained share of the objective's variance (%)", { ticksuffix: "%" }),
      axis("", { type: "category", showgrid: false }),
    ),
  };
}

function paretoPlot(model, study) {
  const c = colours();
  const trials = complete(study).filter(([, , , seconds]) => seconds !== null);
  const dominates = ([, , value, seconds], trial) =>
    value <= trial[2] && seconds <= trial[3] && (value < trial[2] || seconds < trial[3]);
  const front = trials
    .filter((trial) => !trials.some((other) => dominates(other, trial)))
    .sort((a, b) => a[3] - b[3]);
  const points = (rows, extra) => ({
    x: rows.map(([, , , seconds]) => seconds),
    y: rows.map(([, , value]) => value),
    text: rows.map(([number]) => `trial ${number}`),
    hovertemplate: "%{text}: %{y:.4f} in %{x:.3g} s<extra></extra>",
    ...extra,
  });
  return {
    title: "Pareto front: error against time",
    traces: [
      points(trials, { mode: "markers", marker: { color: model.colour, size: 7, opacity: 0.6 } }),
      points(front, {
        mode: "lines+markers",
        line: { color: c.ink, width: 1.5 },
        marker: { color: c.ink, size: 8 },
      }),
    ],
    label: `Pareto front of ${model.title}: ${front.length} trials`,
    layout: layout(
      axis("Seconds per fold", { type: "log", nticks: 5, tickformat: ".2~g" }),
      axis(study.objective, { type: "log", tickformat: ".3~g" }),
    ),
  };
}

draw.parallel = function () {
  const model = modelNamed(selected("tuning-model"));
  const study = DATA.sweeps[model.name];
  const parameters = study.axes.map((parameter) => parameter.name).join(", ");
  const plot = {
    title: "Parallel coordinates: one line per complete trial (drag along an axis to select)",
    traces: study.values.length > 1 && hasWebgl() ? [parallelTrace(study)] : [],
    label: `Parallel coordinates of ${model.title}: ${study.values.length} complete trials over ${parameters}`,
    layout: layout({}, {}, { height: 360, margin: { l: 70, r: 60, t: 50, b: 30 } }),
  };
  panels("parallel", [plot]);
};

function parallelTrace(study) {
  const c = colours();
  const sorted = [...study.values].sort((a, b) => a - b);
  const [best, middle] = [STYLE.colours[1], STYLE.colours[2]];
  return {
    type: "parcoords",
    dimensions: [...study.axes.map(dimension), { label: "error", values: study.values }],
    labelfont: { color: c.ink, size: 12 },
    tickfont: { color: c.ink, size: 11 },
    rangefont: { color: c.muted, size: 10 },
    line: {
      color: study.values,
      cmin: sorted[0],
      // A few bad trials would make all others look alike.
      cmax: sorted[Math.floor(0.9 * (sorted.length - 1))],
      colorscale: [[0, best], [0.5, middle], [1, isDark() ? "#56606b" : "#c9ced6"]],
      showscale: true,
      colorbar: { title: { text: "error", side: "right" }, thickness: 10, tickfont: { color: c.ink } },
    },
  };
}

// One parameter: choices by position, numbers as they are or by their logarithm.
function dimension({ name, values, range, labels, log }) {
  if (labels) return { label: name, values, range, tickvals: labels.map((_, i) => i), ticktext: labels };
  if (!log) return { label: name, values, range };
  const scale = (value) => (value === null ? NaN : Math.log10(value));
  const ticks = [range[0], Math.sqrt(range[0] * range[1]), range[1]];
  return {
    label: name,
    values: values.map(scale),
    range: range.map(scale),
    tickvals: ticks.map(scale),
    ticktext: ticks.map((value) => String(Number(value.toPrecision(2)))),
  };
}
