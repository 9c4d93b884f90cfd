// The colours of models, clusters and ions, lighter on a dark page, so that every point stands out from it.

import { DATA, STYLE } from "./input.js";
import { isDark } from "../../web/assets/theme.js";

const coloured = [...DATA.models, ...DATA.map.groups.cluster, ...DATA.map.groups.ion];
const original = coloured.map((item) => item.colour);

// The darkest colours of the map of numbers would be lost on a dark page: its scale begins lighter there.
const DARK_SCALE = [[0, "#5b7ec7"], [0.35, "#8f9aa8"], [0.7, "#cbbf7a"], [1, "#fee838"]];

const LIGHTER = 0.18;

export function shownColour(colour) {
  if (!isDark()) return colour;
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const mixed = parts.map((part) => Math.round(part + LIGHTER * (255 - part)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

// Give all items the colours of the current theme.
export function paint() {
  coloured.forEach((item, i) => {
    item.colour = shownColour(original[i]);
  });
}

export const colourScale = () => (isDark() ? DARK_SCALE : STYLE.colourMap);
