// What all plots share: axes, layout, markers, and the boxes that they are drawn into.

import { DATA, STYLE } from "./input.js";
import { node } from "../../web/assets/text.js";
import { colours } from "../../web/assets/theme.js";

const TOUCH = matchMedia("(pointer: coarse)").matches;

// No button that uploads a plot, as plotly has one by default, and no buttons where nothing can hover.
const CONFIG = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

// A function that draws each section by its name; modules add theirs. `drawn` are the sections that were shown.
export const draw = {};
export const drawn = new Set();

export function redraw() {
  drawn.forEach((section) => draw[section]());
}

let webgl = null;
export function hasWebgl() {
  if (webgl === null) {
    try {
      webgl = !!document.createElement("canvas").getContext("webgl");
    } catch {
      webgl = false;
    }
  }
  return webgl;
}

// The type of a scatter plot of `n` points.
export const scatterType = (n) => (n >= STYLE.webglFrom && hasWebgl() ? "scattergl" : "scatter");

export function axis(title, extra) {
  const c = colours();
  return {
    title: { text: title, standoff: 8, font: { size: 12 } },
    gridcolor: c.grid,
    linecolor: c.line,
    zeroline: false,
    automargin: true,
    fixedrange: TOUCH,
    showline: true,
    ...extra,
  };
}

export function layout(x, y, extra) {
  const c = colours();
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    height: 320,
    autosize: true,
    font: { family: "Helvetica, Arial, sans-serif", size: 12, color: c.ink },
    margin: { l: 50, r: 14, t: 24, b: 44 },
    xaxis: x,
    yaxis: y,
    showlegend: false,
    hovermode: "closest",
    dragmode: TOUCH ? false : "zoom",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: c.muted, activecolor: c.ink },
    hoverlabel: { bgcolor: c.panel, bordercolor: c.line, font: { color: c.ink, size: 12 }, align: "left" },
    ...extra,
  };
}

// A dotted line at a value of the axis "x" or "y".
export function rule(axisName, value) {
  const other = axisName === "x" ? "y" : "x";
  return {
    type: "line",
    line: { color: colours().muted, width: 1, dash: "dot" },
    layer: "below",
    [`${axisName}0`]: value,
    [`${axisName}1`]: value,
    [`${other}ref`]: "paper",
    [`${other}0`]: 0,
    [`${other}1`]: 1,
  };
}

export const marker = (model, extra) => ({
  color: model.colour,
  symbol: model.symbol,
  size: 9,
  line: { width: 1, color: model.colour },
  ...extra,
});

// Draw plots into a section's boxes: [{title, label, traces, layout}], label being the text alternative.
export function panels(section, plots) {
  const box = document.querySelector(`[data-plots="${section}"]`);
  while (box.children.length > plots.length) {
    Plotly.purge(box.lastChild.lastChild);
    box.lastChild.remove();
  }
  // All boxes exist before the first plot asks for its width.
  while (box.children.length < plots.length) {
    box.append(node("figure", {}, node("figcaption"), node("div", { class: "plot", role: "group" })));
  }
  return plots.map((plot, i) => panel(box.children[i], plot));
}

function panel(figure, plot) {
  const [caption, div] = figure.children;
  caption.textContent = plot.title;
  caption.hidden = !plot.title;
  div.setAttribute("aria-label", plot.label);
  if (plot.traces.length === 0) {
    Plotly.purge(div);
    div.style.height = "auto";
    div.replaceChildren(node("p", { class: "muted" }, "Nothing to show for this protocol."));
    return div;
  }
  if (div.querySelector("p.muted")) div.replaceChildren();
  // The box has the height: plotly takes it from there whenever the window changes.
  const { height, ...rest } = plot.layout;
  div.style.height = `${height}px`;
  Plotly.react(div, plot.traces, rest, CONFIG);
  return div;
}

export const eachTarget = (plotOf) => DATA.targets.map((target) => ({ title: target.title, ...plotOf(target) }));
