// An empty plot as SVG: axes, grid and titles; colours come from the style sheet.

import { compact, escaped, node, subscripts } from "../../web/assets/text.js";
import { scale, ticks } from "./scale.js";
import { PATHS } from "../../web/assets/symbols.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 58, right: 12, top: 12, bottom: 46 };

export function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A plot in `box`, with its label for people who do not see it. Gives the SVG, scales `x` and `y`, and the `area`.
export function chart(box, { label, xTitle, yTitle, xRange, yRange, height }) {
  const width = Math.max(260, box.clientWidth);
  const area = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const x = scale(xRange, area.left, area.right);
  const y = scale(yRange, area.bottom, area.top);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  const grid = drawn("g", { class: "grid", "aria-hidden": "true" });
  const text = drawn("g", { class: "ticks", "aria-hidden": "true" });
  for (const value of ticks(xRange, width / 90)) {
    grid.append(drawn("path", { d: `M${x(value)} ${area.top}V${area.bottom}` }));
    text.append(drawn("text", { x: x(value), y: area.bottom + 16, "text-anchor": "middle" }, String(value)));
  }
  for (const value of ticks(yRange, height / 60)) {
    grid.append(drawn("path", { d: `M${area.left} ${y(value)}H${area.right}` }));
    text.append(drawn("text", { x: area.left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toLocaleString("en")));
  }
  const titles = drawn(
    "g",
    { class: "titles", "aria-hidden": "true" },
    drawn("text", { x: (area.left + area.right) / 2, y: height - 8, "text-anchor": "middle" }, xTitle),
    drawn("text", { transform: `translate(14 ${(area.top + area.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
      yTitle),
  );
  const frame = drawn("path", { class: "frame", d: `M${area.left} ${area.top}V${area.bottom}H${area.right}` });
  svg.append(grid, frame, text, titles);
  box.replaceChildren(svg);
  return { svg, x, y, area };
}

// A candidate's marker: hollow outside the domain of the model.
export function marker({ x, y, style, hollow, index }) {
  const shape = drawn("path", {
    d: PATHS[style.symbol],
    fill: hollow ? "none" : style.colour,
    stroke: style.colour,
    "stroke-width": hollow ? 2 : 1,
  });
  // A larger area than the marker's can be pointed at.
  const target = drawn("circle", { cx: 8, cy: 8, r: 12, class: "target" });
  return drawn("g", { class: "point", transform: `translate(${x - 8} ${y - 8})`, "data-index": index }, target, shape);
}

export const ring = (x, y) => drawn("circle", { class: "ring", cx: x, cy: y, r: 12 });

// A formula as an SVG text, with subscripts; or, where it is `plain`, a name without them.
export function formulaText(formula, attributes, plain = false) {
  // The outline, which sets a name off from what is below it, is drawn first.
  const element = drawn("text", { "paint-order": "stroke", ...attributes });
  const parts = plain ? [escaped(formula)] : subscripts(formula).split(/<sub>|<\/sub>/);
  parts.forEach((part, i) => {
    const shown = new DOMParser().parseFromString(part, "text/html").documentElement.textContent;
    const low = i % 2 === 1;
    // A shift stays for the following characters, so it is taken back.
    const shift = low ? 3 : i > 0 ? -3 : 0;
    if (shown) element.append(drawn("tspan", low ? { dy: shift, class: "sub" } : { dy: shift }, shown));
  });
  return element;
}

// The name of a candidate as an SVG text.
export const candidateText = (row, attributes) => formulaText(row.name, attributes, row.name !== row.formula);

// About how wide a formula is, in pixels.
export function textWidth(text) {
  return 4 + 6.6 * text.length;
}

// Text of a value with its interval, in its unit.
export function valueText([value, low, high], quantity) {
  const interval = low === null || high === null ? "no interval" : `${compact(low)} to ${compact(high)}`;
  return `${quantity.label}: ${compact(value)} ${quantity.unit} (${interval})`;
}

// A tooltip in a figure's box; `lines` are elements or texts.
export function tooltip(box) {
  const tip = node("div", { class: "tip", role: "presentation" });
  tip.hidden = true;
  box.append(tip);
  return {
    show(x, y, lines) {
      tip.replaceChildren(...lines.map((line) => (typeof line === "string" ? node("div", {}, line) : line)));
      tip.hidden = false;
      const left = Math.max(4, Math.min(x + 14, box.clientWidth - tip.offsetWidth - 4));
      const top = y - tip.offsetHeight - 12;
      tip.style.left = `${left}px`;
      tip.style.top = `${top < 0 ? y + 16 : top}px`;
    },
    hide() {
      tip.hidden = true;
    },
  };
}
