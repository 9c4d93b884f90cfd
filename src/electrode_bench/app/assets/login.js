// The login page: a right token sets a cookie.

import { byId } from "../../report/web/assets/text.js";
import { startTheme } from "../../report/web/assets/theme.js";
import { ask } from "./requests.js";

startTheme(byId("theme"), () => {});
byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("error").hidden = true;
  try {
    await ask("/login", { method: "POST", body: { token: byId("token").value } });
    location.assign("/");
  } catch (error) {
    byId("error").textContent = error.message;
    byId("error").hidden = false;
    byId("token").select();
  }
});
byId("token").focus();
