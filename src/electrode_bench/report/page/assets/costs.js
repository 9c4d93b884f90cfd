// Error against the processor seconds of a fold, for each target, with the models that no cheaper one beats.

import { DATA, modelsIn } from "./input.js";
import { axis, draw, eachTarget, layout, marker, panels } from "./plots.js";
import { protocolOf } from "./labels.js";
import { colours } from "../../web/assets/theme.js";
import { compact, escaped } from "../../web/assets/text.js";

draw.costs = function () {
  panels("costs", eachTarget(costPlot));
};

function costPlot(target) {
  const protocol = protocolOf("costs");
  const values = (DATA.costs[protocol] || {})[target.key];
  const models = modelsIn(values).sort((a, b) => values[a.name][2] - values[b.name][2]);
  const points = models.map((model) => {
    const [smae, deviation, seconds, memory, onFront] = values[model.name];
    const peak = memory === null ? "" : `, ${compact(memory)} MiB`;
    const best = onFront ? "<br>no cheaper model is better" : "";
    return {
      x: [seconds],
      y: [smae],
      mode: "markers",
      marker: marker(model, onFront ? { size: 12 } : { size: 8, opacity: 0.6 }),
      error_y: { type: "data", array: [deviation || 0], color: model.colour, thickness: 1, width: 3 },
      hovertemplate:
        `${escaped(model.title)}<br>SMAE ${compact(smae)}, ${compact(seconds)} processor s${peak}` +
        `${best}<extra></extra>`,
    };
  });
  const front = models.filter((model) => values[model.name][4]);
  const line = {
    x: front.map((model) => values[model.name][2]),
    y: front.map((model) => values[model.name][0]),
    mode: "lines",
    line: { color: colours().muted, width: 1.5, shape: "hv" },
    hoverinfo: "skip",
  };
  const text = (model) => {
    const [smae, , seconds] = values[model.name];
    return `${model.title} SMAE ${compact(smae)} at ${compact(seconds)} s`;
  };
  const others = models.filter((model) => !values[model.name][4]).map(text);
  const rest = others.length === 0 ? "" : `; other models: ${others.join("; ")}`;
  return {
    traces: models.length === 0 ? [] : [line, ...points],
    label:
      `Error against cost, ${target.label}, protocol ${protocol}; ` +
      `no cheaper model is better: ${front.map(text).join("; ") || "no model"}${rest}`,
    layout: layout(
      axis("Processor seconds per fold", { type: "log", nticks: 5, tickformat: "~g" }),
      axis("SMAE (no unit)", { rangemode: "tozero" }),
    ),
  };
}
