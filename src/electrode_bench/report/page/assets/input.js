// What the page draws: the block of JSON that data.py makes, and ways to find an electrode in it.

export const DATA = JSON.parse(document.getElementById("data").textContent);
export const ELECTRODES = DATA.electrodes;
export const STYLE = DATA.style;

// Position of an electrode by its id, and the positions of all electrodes with a formula.
export const positionOf = new Map(ELECTRODES.id.map((id, i) => [id, i]));
export const byFormula = new Map();
ELECTRODES.formula.forEach((formula, i) => {
  if (!byFormula.has(formula)) byFormula.set(formula, []);
  byFormula.get(formula).push(i);
});

export const modelNamed = (name) => DATA.models.find((model) => model.name === name);
// The models that have an entry in `values`, in the order of the tables.
export const modelsIn = (values) => DATA.models.filter((model) => values && values[model.name]);
