// Fields that choose which candidates are shown.

import { byId, node } from "../../web/assets/text.js";

// Positions of the rows that pass all fields.
export function passing(data) {
  const text = byId("filter-text").value.trim().toLowerCase();
  const ion = byId("filter-ion").value;
  const number = (id) => (byId(id).value === "" ? null : Number(byId(id).value));
  const [low, high] = [number("filter-low"), number("filter-high")];
  const [inside, front] = [byId("filter-domain").checked, byId("filter-front").checked];
  const passes = (row) => {
    const voltage = row.values[data.x][0];
    return (
      (!text || [row.name, row.formula, row.notes, ...row.own].some((v) => v.toLowerCase().includes(text))) &&
      (!ion || row.ion === ion) &&
      (low === null || voltage >= low) &&
      (high === null || voltage <= high) &&
      (!inside || row.inDomain) &&
      (!front || row.front)
    );
  };
  return data.rows.map((_, i) => i).filter((i) => passes(data.rows[i]));
}

// Fill the lists of choices, and call `changed` whenever a field changes.
export function startFilters(data, changed) {
  const form = byId("filters");
  // The list that was shown before must not be called for the new one.
  form.onreset = null;
  form.reset();
  const ions = data.ions.map(({ key }) => node("option", { value: key }, key));
  byId("filter-ion").replaceChildren(node("option", { value: "" }, "All"), ...ions);
  form.oninput = changed;
  byId("filter-ion").onchange = changed;
  form.onsubmit = (event) => event.preventDefault();
  // The fields are empty only after the event.
  form.onreset = () => setTimeout(changed);
}
