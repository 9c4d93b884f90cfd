// The app: a list is sent, its progress is watched, and results are shown in place.

import { showCandidates } from "../../report/candidates/assets/view.js";
import { byId, formulaNode, node } from "../../report/web/assets/text.js";
import { startTheme } from "../../report/web/assets/theme.js";
import { addModels, answerNodes } from "./answer.js";
import { showRejects, showUndecided } from "./lines.js";
import { EXAMPLE, fill, given, startList } from "./list.js";
import { ask, pause } from "./requests.js";

// Milliseconds between two looks at a running screening.
const LOOK = 300;

// The screening that is being waited for, and a number for each question, so that late answers are ignored.
let waiting = null;
let question = 0;

function fail(error) {
  byId("error").textContent = error.message;
  byId("error").hidden = false;
}

async function watchModel() {
  for (;;) {
    const model = await ask("/api/model");
    if (model.state === "ready") {
      byId("model").textContent = model.about;
      byId("model").dataset.ready = "true";
      byId("synthetic").hidden = !model.synthetic;
      return;
    }
    if (model.state === "failed") {
      byId("model").textContent = "There is no model.";
      throw new Error(model.error);
    }
    await pause(1000);
  }
}

function options() {
  const goal = byId("goal").value;
  return {
    ion: byId("ion").value || null,
    objective: byId("objective").value,
    rank: byId("rank").value,
    goal: goal === "" ? null : Number(goal),
  };
}

function busy(text, job) {
  byId("predict").disabled = Boolean(text);
  byId("cancel").hidden = !text;
  byId("progress").hidden = !text;
  byId("status").textContent = text || "";
  if (job && job.total) {
    byId("progress").max = job.total;
    byId("progress").value = job.done;
  } else byId("progress").removeAttribute("value");
}

async function predict(list, ions) {
  byId("error").hidden = true;
  busy("Sending");
  const started = {};
  waiting = started;
  try {
    let job = await ask("/api/screenings", { method: "POST", body: { ...list, ...options(), ions } });
    started.id = job.id;
    while (["waiting", "running"].includes(job.state)) {
      busy(job.total ? `${job.done} of ${job.total} formulas` : "Waiting for the model", job);
      await pause(LOOK);
      if (waiting !== started) return;
      job = await ask(`/api/screenings/${job.id}`);
    }
    if (job.state === "failed") throw new Error(job.error);
    show(job, list, ions);
  } catch (error) {
    fail(error);
  } finally {
    if (waiting === started) {
      waiting = null;
      busy("");
    }
  }
}

function show({ id, result }, list, ions) {
  const { candidates, summary, about, rejects, undecided } = result;
  byId("results").hidden = false;
  byId("summary").textContent = summary.join(" ");
  byId("usable").hidden = !candidates;
  showRejects(rejects);
  showUndecided(undecided, (chosen) => predict(list, { ...ions, ...chosen }));
  for (const kind of ["csv", "html", "svg", "pdf"]) {
    byId(`get-${kind}`).href = `/api/screenings/${id}/candidates.${kind}`;
  }
  const facts = Object.entries(about).flatMap(([name, text]) => [node("dt", {}, name), node("dd", {}, text)]);
  byId("about").replaceChildren(...facts);
  if (candidates) {
    const detail = (index, moved) => explain(candidates, candidates.rows[index], moved);
    const { select } = showCandidates(candidates, detail);
    select(0, { first: true });
  }
  byId("results-title").focus();
}

async function explain(candidates, row, moved) {
  question += 1;
  const mine = question;
  byId("answer-title").replaceChildren(formulaNode("span", row.formula), `, ${row.ion} electrode`);
  byId("back").hidden = Boolean(moved.first);
  byId("back").onclick = () => byId(`row-${candidates.rows.indexOf(row)}`).querySelector(".pick").focus();
  if (!moved.first) byId("answer").focus();
  const body = { formula: row.formula, ion: row.ion };
  try {
    const answer = await ask("/api/answer", { method: "POST", body });
    if (mine !== question) return;
    byId("answer-content").replaceChildren(...answerNodes(answer, row, candidates));
    // The other models may have to be loaded first.
    const all = await ask("/api/answer", { method: "POST", body: { ...body, all_models: true } });
    if (mine === question) addModels(all, candidates);
  } catch (error) {
    if (mine === question) byId("answer-content").replaceChildren(node("p", { class: "error" }, error.message));
  }
}

startTheme(byId("theme"), () => {});
startList();
byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  await given().then((list) => predict(list, {}), fail);
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});
byId("example").addEventListener("click", () => fill(EXAMPLE));
byId("cancel").addEventListener("click", () => {
  if (waiting?.id) ask(`/api/screenings/${waiting.id}`, { method: "DELETE" }).catch(fail);
  waiting = null;
  busy("");
  byId("text").focus();
});
byId("rank").addEventListener("change", () => {
  byId("goal-part").hidden = byId("rank").value !== "probability";
});
watchModel().catch(fail);
document.documentElement.dataset.ready = "true";
