// Markers as SVG paths in a box of 16 by 16, and legends made of them.

import { formulaNode, node } from "./text.js";

export const PATHS = {
  circle: "M8 3a5 5 0 1 0 .01 0z",
  square: "M3 3h10v10H3z",
  diamond: "M8 2l6 6-6 6-6-6z",
  "triangle-up": "M8 2l6 11H2z",
  "triangle-down": "M8 14l6-11H2z",
  cross: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
  x: "M3 5l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z",
  star: "M8 1l2 5h5l-4 3 2 6-5-4-5 4 2-6-4-3h5z",
  pentagon: "M8 1l7 5-3 8H4L1 6z",
};
const DASHES = { solid: "", dash: "6 3", dot: "2 3", dashdot: "6 3 2 3", longdash: "9 3", longdashdot: "9 3 2 3" };

// The marker of a legend's item; with a dash, on a line. A hollow one is drawn by its outline.
function glyph({ symbol, colour, dash, hollow }) {
  const stroke = `stroke="${colour}" stroke-width="2"`;
  const line = dash ? `<path d="M0 8h34" ${stroke} stroke-dasharray="${DASHES[dash]}"/>` : "";
  const shift = dash ? 9 : 0;
  const paint = hollow ? `fill="none" ${stroke}` : `fill="${colour}"`;
  const shape = symbol ? `<path transform="translate(${shift} 0)" d="${PATHS[symbol]}" ${paint}/>` : "";
  const element = node("span", { "aria-hidden": "true" });
  element.innerHTML = `<svg width="${16 + 2 * shift}" height="16">${line}${shape}</svg>`;
  element.style.lineHeight = 0;
  return element;
}

// Fill a list with items {title, colour, symbol, dash, hollow}.
export function legend(list, items) {
  const entry = (item) => node("li", {}, glyph(item), formulaNode("span", item.title));
  list.replaceChildren(...items.map(entry));
}
