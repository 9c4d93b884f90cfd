// Sections that are collapsed: a link to one opens it, and so does printing.

import { byId } from "../../web/assets/text.js";

// Open what hides the target of the page's address, and the section that the address names.
function reveal() {
  let name = "";
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    // An address that nobody here wrote names nothing.
  }
  const target = name ? byId(name) : null;
  if (!target) return;
  const within = target.querySelector(":scope > details.section");
  for (let part = within || target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  target.scrollIntoView();
}

export function startSections() {
  addEventListener("hashchange", reveal);
  // Clicking a link to the section that the address already names changes nothing but should open it again.
  document.querySelectorAll('nav a[href^="#"]').forEach((link) => {
    link.addEventListener("click", () => setTimeout(reveal));
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.section:not([open])")];
    opened.forEach((details) => {
      details.open = true;
    });
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => {
      details.open = false;
    });
  });
  reveal();
}
