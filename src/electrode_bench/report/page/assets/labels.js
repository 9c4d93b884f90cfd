// What the report calls things, and what its selects show.

import { byId } from "../../web/assets/text.js";

export const clusterName = (cluster) => (Number(cluster) === -1 ? "noise" : `cluster ${cluster}`);
export const titles = (models) => models.map((model) => model.title).join(", ") || "no model";

// The value of a select, and the protocol that a section's select shows.
export function selected(id) {
  const select = byId(id);
  return select ? select.value : null;
}
export const protocolOf = (section) => selected(`${section}-protocol`);
