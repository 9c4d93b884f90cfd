// Text and elements. Text from the data is escaped wherever it becomes HTML.

// An amount in a formula, as report/formulas.py finds it.
const AMOUNT = /(?<=[A-Za-z)\]])(\d+(?:[./]\d+)?)/g;
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

export function node(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The name of a candidate: a formula has subscripts, a name that the user gave has none.
export const nameNode = (tag, row) => (row.name === row.formula ? formulaNode(tag, row.name) : node(tag, {}, row.name));

export function formulaNode(tag, text) {
  const element = node(tag);
  element.innerHTML = subscripts(text);
  return element;
}
