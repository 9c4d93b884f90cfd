// Text and elements. Text from the data is escaped wherever it becomes HTML.

import { STYLE } from "./input.js";

const AMOUNT = new RegExp(STYLE.amount, "g");
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const byId = (id) => document.getElementById(id);
export const escaped = (text) => String(text).replace(/[&<>"]/g, (character) => ENTITIES[character]);
export const subscripts = (formula) => escaped(formula).replace(AMOUNT, "<sub>$1</sub>");

// As numbers.compact in Python: at most two decimals, fewer for larger numbers.
export function compact(value) {
  if (value === null || value === undefined || !isFinite(value)) return "-";
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export const percent = (share) => `${compact(100 * share)}%`;
export const clusterName = (cluster) => (Number(cluster) === -1 ? "noise" : `cluster ${cluster}`);
export const titles = (models) => models.map((model) => model.title).join(", ") || "no model";

export function node(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function formulaNode(tag, text) {
  const element = node(tag);
  element.innerHTML = subscripts(text);
  return element;
}

// The value of a select, and the protocol that a section's select shows.
export function selected(id) {
  const select = byId(id);
  return select ? select.value : null;
}
export const protocolOf = (section) => selected(`${section}-protocol`);
