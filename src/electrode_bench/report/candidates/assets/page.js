// The page of a file: its candidates are in a block of JSON.

import { byId } from "../../web/assets/text.js";
import { startTheme } from "../../web/assets/theme.js";
import { showCandidates } from "./view.js";

startTheme(byId("theme"), () => {});
showCandidates(JSON.parse(byId("data").textContent));
document.documentElement.dataset.ready = "true";
