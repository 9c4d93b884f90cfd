// What the report calls things, and what its selects show.

import { DATA } from "./input.js";
import { byId, escaped } from "../../web/assets/text.js";

// A cluster with its name, and with fewer words where there is little room.
export function clusterName(cluster) {
  const known = DATA.representatives[cluster];
  if (Number(cluster) === -1) return "noise";
  return known ? `cluster ${cluster}: ${known.name}` : `cluster ${cluster}`;
}
export function clusterShort(cluster) {
  const known = DATA.representatives[cluster];
  if (Number(cluster) === -1) return "noise";
  return known ? `${cluster}: ${known.short}` : cluster;
}

// A text in lines of about so many characters, as HTML: a long title would cover its neighbours.
export function wrapped(text, width = 18) {
  const lines = [];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (lines.length && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map(escaped).join("<br>");
}
export const titles = (models) => models.map((model) => model.title).join(", ") || "no model";

// The value of a select, and the protocol that a section's select shows.
export function selected(id) {
  const select = byId(id);
  return select ? select.value : null;
}
export const protocolOf = (section) => selected(`${section}-protocol`);
