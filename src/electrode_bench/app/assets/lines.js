// Lines that could not be used, each with its reason, and lines whose working ion must be chosen.

import { byId, formulaNode, node } from "../../report/web/assets/text.js";

const MOST = 100;

export function showRejects(rejects) {
  const box = byId("rejects");
  box.replaceChildren();
  if (rejects.length === 0) return;
  const head = rejects.length === 1 ? "One line could not be used" : `${rejects.length} lines could not be used`;
  const item = ({ line, text, reason }) =>
    node(
      "li",
      {},
      node("span", { class: "muted" }, `line ${line}: `),
      text && !reason.includes(text) ? `${text}: ` : "",
      reason,
    );
  const items = rejects.slice(0, MOST).map(item);
  if (rejects.length > MOST) items.push(node("li", {}, `and ${rejects.length - MOST} more`));
  box.append(node("h3", {}, head), node("ul", { class: "problems" }, ...items));
}

// `choose` is called with the chosen ions by line, once every line has one.
export function showUndecided(undecided, choose) {
  const box = byId("undecided");
  box.replaceChildren();
  if (undecided.length === 0) return;
  const form = node("form", { class: "undecided" });
  const shown = undecided.slice(0, MOST);
  shown.forEach(({ line, formula, ions }) => {
    const name = `ion-${line}`;
    const choices = ions.map((ion) => {
      const input = node("input", { type: "radio", name, value: ion, required: "" });
      return node("label", { class: "check" }, input, ` ${ion}`);
    });
    const about = node("legend", {}, formulaNode("strong", formula), ` (line ${line})`);
    form.append(node("fieldset", {}, about, ...choices));
  });
  form.append(node("button", { type: "submit", class: "primary" }, "Predict with these ions"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    choose(Object.fromEntries(shown.map(({ line }) => [line, form.elements[`ion-${line}`].value])));
  });
  box.append(node("h3", {}, "Which ion moves?"), form);
}
