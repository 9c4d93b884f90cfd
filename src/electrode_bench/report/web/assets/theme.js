// Light and dark colours: the system's choice, unless the button was used.

const STORED = "electrode-bench-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

function stored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function store(theme) {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // A browser that keeps nothing shows the system's theme next time.
  }
}

// The style sheet's colours, for plots.
export function colours() {
  const style = getComputedStyle(root);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: value("ink"),
    muted: value("muted"),
    page: value("page"),
    panel: value("panel"),
    line: value("line"),
    grid: value("grid"),
  };
}

// Use the stored theme, and call `redraw` now and whenever the theme changes.
export function startTheme(button, redraw) {
  const apply = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    redraw();
  };
  if (["dark", "light"].includes(stored())) root.dataset.theme = stored();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
