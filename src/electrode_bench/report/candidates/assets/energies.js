// The main figure: energy, or another quantity, against voltage, with error bars and names.

import { compact, formulaNode, nameNode, node } from "../../web/assets/text.js";
import { candidateText, chart, drawn, marker, ring, textWidth, tooltip, valueText } from "./chart.js";
import { placed } from "./labels.js";
import { rangeOf } from "./scale.js";

// More names than this are not read by anyone.
const MOST_NAMES = 60;

export function drawEnergies(box, { data, shown, selected, options, select }) {
  const xs = data.quantities.find((q) => q.key === data.x);
  const ys = data.quantities.find((q) => q.key === options.y);
  const rows = shown.map((i) => data.rows[i]);
  const ends = (key) => rows.flatMap(({ values }) => (options.bars ? values[key] : values[key].slice(0, 1)));
  const height = Math.round(Math.max(360, Math.min(560, box.clientWidth * 0.72)));
  const plot = chart(box, {
    label: `${ys.label} against ${xs.label.toLowerCase()} of ${rows.length} candidates; the table has the numbers`,
    xTitle: xs.title,
    yTitle: ys.title,
    xRange: rangeOf(ends(xs.key), 0.06),
    yRange: rangeOf(ends(ys.key), 0.06),
    height,
  });
  const { svg, area } = plot;
  const points = shown.map((index, k) => {
    const row = rows[k];
    const [x, y] = [plot.x(row.values[xs.key][0]), plot.y(row.values[ys.key][0])];
    return { index, row, x, y, style: data.ions.find((ion) => ion.key === row.ion) };
  });
  if (data.window) svg.append(windowOf(plot, data.window));
  if (data.goal && data.goal.key === ys.key) svg.append(goalOf(plot, data.goal.value));
  if (ys.key === data.frontOf) svg.append(frontOf(points));
  if (options.bars) svg.append(...points.map((point) => bars(point, plot, xs.key, ys.key)));
  // The best are drawn last, on top.
  const markers = points.map((p) => marker({ ...p, hollow: !p.row.inDomain })).reverse();
  svg.append(...markers);
  if (options.names) svg.append(...names(points.slice(0, MOST_NAMES), points, area));
  const current = points.find((point) => point.index === selected);
  if (current) svg.append(ring(current.x, current.y));
  pointing(box, svg, points, (point) => about(point.row, [xs, ys]), select);
}

function windowOf({ x, area }, [low, high]) {
  const group = drawn("g", { class: "window" });
  for (const [from, to] of [[area.left, x(low)], [x(high), area.right]]) {
    const [left, right] = [Math.max(area.left, from), Math.min(area.right, to)];
    if (right > left) {
      group.append(drawn("rect", { x: left, y: area.top, width: right - left, height: area.bottom - area.top }));
    }
  }
  return group;
}

function goalOf({ y, area }, value) {
  const at = y(value);
  const inside = at > area.top && at < area.bottom;
  return drawn("path", { class: "goal", d: inside ? `M${area.left} ${at}H${area.right}` : "" });
}

function frontOf(points) {
  const front = points.filter(({ row }) => row.front).sort((a, b) => a.x - b.x);
  return drawn("path", { class: "front", d: front.map(({ x, y }, i) => `${i ? "L" : "M"}${x} ${y}`).join("") });
}

function bars({ row, x, y, style }, plot, xKey, yKey) {
  const [, left, right] = row.values[xKey];
  const [, low, high] = row.values[yKey];
  const across = left === null || right === null ? "" : `M${plot.x(left)} ${y}H${plot.x(right)}`;
  const up = low === null || high === null ? "" : `M${x} ${plot.y(low)}V${plot.y(high)}`;
  return drawn("path", { class: "bars", d: across + up, stroke: style.colour });
}

function names(wanted, points, area) {
  const sized = wanted.map((point) => ({ ...point, width: textWidth(point.row.name) }));
  return placed(sized, points, area).flatMap((box, i) =>
    box ? [candidateText(sized[i].row, { class: "name", x: box.left + 2, y: box.bottom - 3 })] : [],
  );
}

// What a tooltip says of a candidate.
export function about(row, quantities) {
  const lines = [nameNode("strong", row)];
  if (row.name !== row.formula) lines.push(formulaNode("div", row.formula));
  lines.push(...quantities.map((quantity) => valueText(row.values[quantity.key], quantity)));
  if (!row.inDomain) lines.push("Outside the domain of the model");
  if (row.nearest) {
    const near = formulaNode("span", row.nearest);
    lines.push(node("div", {}, "Nearest known: ", near, ` (${compact(row.distance)})`));
  }
  return lines;
}

// Tooltips and clicks of a plot's points.
export function pointing(box, svg, points, text, select) {
  const tip = tooltip(box);
  const of = (event) => {
    const group = event.target.closest(".point");
    return group && points.find((point) => String(point.index) === group.dataset.index);
  };
  svg.addEventListener("pointermove", (event) => {
    const point = of(event);
    if (point) tip.show(point.x, point.y, text(point));
    else tip.hide();
  });
  svg.addEventListener("pointerleave", () => tip.hide());
  svg.addEventListener("click", (event) => {
    const point = of(event);
    if (point) select(point.index, { scroll: true });
  });
}
