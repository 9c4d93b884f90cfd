// The list that the user gives: pasted text or a file, which may be dropped.

import { byId } from "../../report/web/assets/text.js";
import { encoded } from "./requests.js";

export const EXAMPLE = `formula,name
LiFePO4,LFP
LiCoO2,LCO
LiNi0.8Co0.1Mn0.1O2,NMC 811
LiNi0.5Mn1.5O4,LNMO
Na3V2(PO4)3,NVP
Na2MnFe(CN)6,
MgMn2O4,
LiNaFePO4F,
`;

let chosen = null;
const nothing = byId("file-name").textContent;

function choose(file) {
  chosen = file;
  byId("file-name").textContent = file ? `${file.name} (${Math.max(1, Math.round(file.size / 1000))} kB)` : nothing;
  byId("file-remove").hidden = !file;
  byId("text").disabled = Boolean(file);
  if (!file) byId("file").value = "";
}

// What the request says of the list.
export async function given() {
  if (!chosen) return { text: byId("text").value };
  return { name: chosen.name, content: await encoded(chosen) };
}

// A text to begin with; a chosen file is forgotten.
export function fill(text) {
  choose(null);
  byId("text").value = text;
  byId("text").focus();
}

export function startList() {
  const area = byId("drop");
  byId("file").addEventListener("change", () => choose(byId("file").files[0] || null));
  byId("file-remove").addEventListener("click", () => {
    choose(null);
    byId("text").focus();
  });
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) choose(file);
    else byId("text").value += event.dataTransfer.getData("text/plain");
  });
}
