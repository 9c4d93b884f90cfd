// All that is known about one composition.

import { byId, compact, formulaNode, node, percent } from "../../report/web/assets/text.js";

const cell = (text) => node("td", {}, text);
const head = (texts) => node("thead", {}, node("tr", {}, ...texts.map((text) => node("th", { scope: "col" }, text))));
const scrolling = (label, table) =>
  node("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, table);
const span = ({ low, high }) => (low === null || high === null ? "no interval" : `${compact(low)} to ${compact(high)}`);

// The content of a card for an answer (see inference/answer.py). `row` is the candidate in the data of the table, which
// has the intervals of its energies.
export function answerNodes(answer, row, { quantities, level }) {
  const notesOf = node("div", { id: "answer-notes" }, ...notes(answer));
  return [
    node("div", { class: "facts" }, readAs(answer), values(row, quantities, level), notesOf),
    node("div", { id: "answer-models" }),
    ...neighbours(answer, quantities),
  ];
}

// Add what all models say, side by side, to a card that is shown.
export function addModels(answer, { quantities }) {
  byId("answer-notes").replaceChildren(...notes(answer));
  byId("answer-models").replaceChildren(...models(answer, quantities));
}

function list(title, pairs) {
  const entries = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return node("div", {}, node("h4", {}, title), node("dl", { class: "about" },
    ...entries.flatMap(([name, value]) => [node("dt", {}, name), node("dd", {}, value)])));
}

function readAs({ reading, working_ion: ion, theoretical_capacity: limit, targets, share, outside }) {
  return list("Read as", [
    ["Composition", reading && formulaNode("span", reading.reduced_formula)],
    ["Working ion", ion],
    ["Oxidation states", reading?.states.replaceAll("->", "→")],
    ["Electrons per formula", reading && compact(reading.electrons)],
    ["Full extraction", `${compact(limit)} mAh/g (Faraday's law)`],
    ["Extracted share", percent(targets.gravimetric_capacity.value / limit)],
    ["Full extraction is", share && `${percent(share.full_extraction)} likely`],
    ["Domain", outside ? "outside" : "inside"],
  ]);
}

function values(row, quantities, level) {
  const entry = ({ key, label, unit }) => {
    const [value, low, high] = row.values[key];
    const name = node("th", { scope: "row" }, label, node("span", { class: "interval" }, unit));
    return node("tr", {}, name, cell(compact(value)), cell(span({ low, high })));
  };
  const heads = head(["", "Predicted", `${level} interval`]);
  const table = node("table", { class: "predicted" }, heads, node("tbody", {}, ...quantities.map(entry)));
  return node("div", {}, node("h4", {}, "Prediction"), scrolling("Prediction", table));
}

function notes(answer) {
  const all = [...(answer.reading?.notes || []), ...(answer.notes || [])];
  if (answer.outside && !all.some((note) => note.includes(answer.outside))) {
    all.push(`outside the domain of the model: ${answer.outside}`);
  }
  if (answer.no_interval && !all.some((note) => note.includes(answer.no_interval))) all.push(answer.no_interval);
  const items = [...new Set(all)].map((note) => node("li", {}, note));
  const content = items.length ? node("ul", {}, ...items) : node("p", { class: "muted" }, "Nothing unusual.");
  return [node("h4", {}, "Notes"), content];
}

function models(answer, quantities) {
  if (!answer.models || answer.models.length < 2) return [];
  const targets = quantities.filter(({ key }) => key in answer.targets);
  const row = (model) =>
    node("tr", {}, node("th", { scope: "row" }, model.title), ...targets.map(({ key }) => {
      const estimate = model.targets[key];
      return node("td", {}, compact(estimate.value), node("span", { class: "interval" }, span(estimate)));
    }));
  const heads = ["Model, best first", ...targets.map(({ label, unit }) => `${label}, ${unit}`)];
  const table = node("table", { class: "candidates" }, head(heads), node("tbody", {}, ...answer.models.map(row)));
  return [node("details", {}, node("summary", {}, "All models side by side"), scrolling("Models", table))];
}

function neighbours(answer, quantities) {
  if (answer.neighbours.length === 0) return [];
  const targets = quantities.filter(({ key }) => key in answer.targets);
  const row = (known) => {
    const values_ = targets.map(({ key }) => {
      const range = known.electrodes > 1 ? `${compact(known.lowest[key])} to ${compact(known.highest[key])}` : "";
      return node("td", {}, compact(known.targets[key]), node("span", { class: "interval" }, range));
    });
    const name = node("th", { scope: "row" }, formulaNode("span", known.formula));
    if (known.electrodes > 1) name.append(node("span", { class: "interval" }, `mean of ${known.electrodes}`));
    return node("tr", {}, name, cell(compact(known.distance)), ...values_);
  };
  const heads = ["Known electrode", "Distance", ...targets.map(({ label, unit }) => `${label}, ${unit}`)];
  const table = node("table", { class: "candidates" }, head(heads), node("tbody", {}, ...answer.neighbours.map(row)));
  return [node("details", {}, node("summary", {}, "Nearest known electrodes"), scrolling("Nearest known", table))];
}
