// The map of known electrodes, with each candidate at the known composition that is nearest to it.

import { chart, drawn, formulaText, marker, ring, textWidth } from "./chart.js";
import { about, pointing } from "./energies.js";
import { placed } from "./labels.js";

export function drawKnown(box, { data, shown, selected, options, select }) {
  const { axes, ranges, x: xs, y: ys, representatives } = data.map;
  const size = Math.round(Math.max(340, Math.min(560, box.clientWidth * 0.9)));
  const points = shown.filter((i) => data.rows[i].place).map((index) => ({ index, row: data.rows[index] }));
  const plot = chart(box, {
    label: `Map of known electrodes with ${points.length} candidates`,
    xTitle: axes[0],
    yTitle: axes[1],
    xRange: ranges[0],
    yRange: ranges[1],
    height: size,
  });
  const { svg, area } = plot;
  const dots = xs.map((x, i) => `M${plot.x(x).toFixed(1)} ${plot.y(ys[i]).toFixed(1)}h0`).join("");
  svg.append(drawn("path", { class: "known", d: dots }));
  for (const point of points) {
    [point.x, point.y] = [plot.x(point.row.place[0]), plot.y(point.row.place[1])];
    point.style = data.ions.find((ion) => ion.key === point.row.ion);
  }
  svg.append(...points.map((p) => marker({ ...p, hollow: !p.row.inDomain })).reverse());
  // Candidates come first: a cluster's representative is named where room is left.
  const first = options.names ? [...firstOfPlace(points)] : [];
  const wanted = first.map(({ x, y, row }) => ({ x, y, text: row.name, plain: row.name !== row.formula }));
  const own = wanted.length;
  wanted.push(...representatives.map((r) => ({ x: plot.x(r.x), y: plot.y(r.y), text: r.formula })));
  const sized = wanted.map((item) => ({ ...item, width: textWidth(item.text) }));
  placed(sized, points, area).forEach((label, i) => {
    const name = i < own ? "name" : "name known-name";
    const at = label && { class: name, x: label.left + 2, y: label.bottom - 3 };
    if (label) svg.append(formulaText(sized[i].text, at, sized[i].plain));
  });
  const current = points.find((point) => point.index === selected);
  if (current) svg.append(ring(current.x, current.y));
  pointing(box, svg, points, (point) => together(point, points, data), select);
}

// Several candidates may have the same nearest composition; the best of them is named.
function firstOfPlace(points) {
  const seen = new Set();
  return points.filter(({ row: { place } }) => !seen.has(String(place)) && seen.add(String(place)));
}

function together(point, points, data) {
  const others = points.filter((p) => p !== point && String(p.row.place) === String(point.row.place));
  const [energy, voltage] = data.quantities;
  const lines = about(point.row, [energy, voltage]);
  if (others.length) lines.push(`Also here: ${others.slice(0, 5).map((p) => p.row.name).join(", ")}`);
  return lines;
}
