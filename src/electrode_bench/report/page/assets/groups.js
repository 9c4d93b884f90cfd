// Errors within groups of electrodes: by working ion, and by cluster of the map.

import { DATA, STYLE, modelsIn } from "./input.js";
import { axis, draw, layout, marker, panels, rule } from "./plots.js";
import { clusterName, clusterShort, protocolOf, selected, titles } from "./labels.js";
import { compact, escaped, subscripts } from "../../web/assets/text.js";
import { colours } from "../../web/assets/theme.js";

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
  const sizes = groups.map((group) => {
    const row = models.map((model) => values[model.name][group]).find(Boolean);
    return row[3];
  });
  const traces = models.map((model, j) => {
    const rows = groups
      .map((group, i) => [group, i, values[model.name][group]])
      .filter(([, , row]) => row && row[quantity.value] !== null);
    // Models side by side within the width of a group.
    const shift = (0.7 / models.length) * (j - (models.length - 1) / 2);
    const colour = rows.map(([, i]) => (sizes[i] < DATA.few ? STYLE.grey : model.colour));
    return {
      x: rows.map(([, i]) => i + shift),
      y: rows.map(([, , row]) => row[quantity.value]),
      mode: "markers",
      marker: {
        ...marker(model, { size: 8 }),
        color: colour,
        line: { width: 1, color: colour },
        opacity: rows.map(([, i]) => (sizes[i] < DATA.few ? 0.55 : 1)),
      },
      text: rows.map(([group, , row]) => groupHover(model, titleOf(group), row, target)),
      hovertemplate: "%{text}<extra></extra>",
    };
  });
  const by = clusters ? "cluster" : "working ion";
  const c = colours();
  const separators = groups.slice(1).map((_, i) => ({ ...rule("x", i + 0.5), line: { color: c.grid, width: 1 } }));
  const few = groups.filter((_, i) => sizes[i] < DATA.few);
  const small = few.map(clusters ? clusterShort : String).join(", ");
  const grey = small ? `; fewer than ${DATA.few} electrodes: ${small}` : "";
  const counts = sizes.map((n) => n.toLocaleString("en"));
  const ticks = groups.map((group, i) => {
    const text = clusters ? `${escaped(clusterShort(group))} (${counts[i]})` : `${escaped(group)}<br>${counts[i]}`;
    return sizes[i] < DATA.few ? `<span style="color:${c.muted}"><i>${text}</i></span>` : text;
  });
  return {
    title: `${target.label}: ${quantity.title}`,
    traces,
    label: `${quantity.title} of ${target.label} by ${by}, protocol ${protocol}: ${titles(models)}${grey}`,
    layout: layout(
      axis(clusters ? "Cluster (number of electrodes)" : "Working ion, number of electrodes", {
        tickmode: "array",
        tickvals: groups.map((_, i) => i),
        ticktext: ticks,
        tickfont: { size: 11 },
        range: [-0.6, groups.length - 0.4],
        tickangle: clusters ? -90 : 0,
        showgrid: false,
      }),
      quantity.axis(target),
      { height: clusters ? 520 : 300, shapes: [rule("y", quantity.line), ...separators] },
    ),
  };
}

function groupHover(model, group, [smae, bias, mae, n], target) {
  const errors = `SMAE ${compact(smae)}, bias ${compact(bias)} ${target.unit}`;
  return `${escaped(model.title)}, ${group}<br>${errors}<br>MAE ${compact(mae)} ${target.unit}, ${n} electrodes`;
}

// A cluster's name, and its representative as an example, as HTML.
export function clusterTitle(cluster) {
  const known = DATA.representatives[cluster];
  const example = known ? `, e.g. ${subscripts(known.formula)}` : "";
  return `${escaped(clusterName(cluster))}${example}`;
}
