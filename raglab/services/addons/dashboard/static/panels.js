// One function per kind of panel; each returns the panel's content.

import { chart, look, shade } from "./chart.js";
import { make } from "./dom.js";
import { written } from "./units.js";

const plots = new Map();  // of the panels on the page, so that they can be resized and taken away

function swatch(number) {
  const { color, dash } = look(number);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  line.setAttribute("class", "swatch");
  line.setAttribute("aria-hidden", "true");
  line.setAttribute("viewBox", "0 0 18 4");
  line.innerHTML = `<path d="M0 2h18" stroke-width="3" stroke-dasharray="${dash.join(" ") || "none"}"/>`;
  line.firstChild.style.stroke = color;
  return line;
}

function legend(panel, toggle) {
  const rows = panel.series.map((one, number) => make("tr", {},
    make("td", {}, make("button", { type: "button", "aria-pressed": "true", title: "Show or hide this line",
      onclick: (event) => toggle(number, event.currentTarget) }, swatch(number), one.name || panel.title)),
    make("td", { class: "value" }, one.text), make("td", {}, one.low), make("td", {}, one.high)));
  const head = ["Series", "Last", "Lowest", "Highest"].map((name) => make("th", { scope: "col" }, name));
  return make("div", { class: "legend", tabindex: "0", role: "group", "aria-label": `Values of ${panel.title}` },
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

function timeseries(panel, draw, zoom) {
  const box = make("div", { class: "chart", role: "img", "aria-label": `${panel.title}. ${panel.summary}` });
  let plot;
  const table = legend(panel, (number, button) => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    plot?.setSeries(number + 1, { show: shown });
  });
  const cells = [...table.querySelectorAll(".value")];
  const follow = (index) => cells.forEach((cell, number) => {
    const one = panel.series[number];
    cell.textContent = index === null || index === undefined ? one.text : written(panel.unit, one.values[index], panel.decimals);
  });
  draw.push(() => plots.set(box, plot = chart(panel, box, follow, zoom)));
  return [box, table];
}

function numbers(panel) {
  return [make("ul", { class: "numbers" }, ...panel.series.map((one) => {
    const item = make("li", {}, make("strong", {}, one.text), one.name ? make("span", {}, one.name) : null);
    item.style.setProperty("--level", shade(one.color || "currentColor"));
    return item;
  }))];
}

// A half ring from the lowest to the highest value of the panel.
function gauge(panel) {
  const items = numbers(panel)[0];
  [...items.children].forEach((item, number) => {
    const low = panel.min ?? 0, high = panel.max ?? 100, value = panel.series[number].value ?? low;
    const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    ring.setAttribute("viewBox", "0 0 100 56");
    ring.setAttribute("aria-hidden", "true");
    ring.innerHTML = `<path class="rail" d="M8 50a42 42 0 0 1 84 0"/><path class="level" pathLength="100"
      stroke-dasharray="${(share * 100).toFixed(1)} 200" d="M8 50a42 42 0 0 1 84 0"/>`;
    item.classList.add("gauge");
    item.prepend(ring);
  });
  return [items];
}

function table(panel) {
  const { columns, rows, numbers: right } = panel.table;
  const kind = (index) => (columns[index] === right ? "number" : null);
  const head = columns.map((name, index) => make("th", { scope: "col", class: kind(index) }, name));
  const body = rows.map((row) => make("tr", {}, ...row.map((cell, index) => make("td", { class: kind(index) }, cell))));
  return [make("div", { class: "table", tabindex: "0", role: "group", "aria-label": `Table ${panel.title}` },
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)))];
}

function text(panel) {
  const box = make("div", { class: "text" });
  box.innerHTML = panel.html;  // made by the service from Markdown, without HTML of its author
  return [box];
}

const KINDS = { timeseries, stat: numbers, gauge, table, text };

function content(panel, draw, zoom) {
  if (panel.error) return [make("p", { class: "error" }, panel.error)];
  const empty = panel.kind !== "text" && !panel.series.length && !(panel.table && panel.table.rows.length);
  return empty ? [make("p", { class: "empty" }, "No data in this time range.")] : KINDS[panel.kind](panel, draw, zoom);
}

function element(panel, number, draw, zoom) {
  if (panel.kind === "row") return make("h2", { class: "row" }, panel.title);
  const id = `panel-${panel.id}-${number}`;
  const inside = make("div", { class: "content" });
  inside.append(...content(panel, draw, zoom));
  const title = panel.title ? make("h3", { id }, panel.title) : null;
  const info = panel.description ? make("p", { class: "description" }, panel.description) : null;
  const summary = ["stat", "gauge", "text", "table"].includes(panel.kind) || panel.error ? null
    : make("p", { class: "spoken" }, panel.summary);
  return make("section", { class: `panel ${panel.kind}`, "aria-labelledby": title ? id : null,
    "aria-label": title ? null : "Text", tabindex: "-1" }, title, info, summary, inside);
}

// Put all panels on the page; what had the keyboard's focus or was scrolled or switched off stays so.
export function show(panels, main, zoom) {
  plots.forEach((plot) => plot.destroy());
  plots.clear();
  const draw = [];
  const all = panels.map((panel, number) => {
    const made = element(panel, number, draw, zoom);
    const { x, y, w, h } = panel.grid;
    made.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    return made;
  });
  const kept = remembered(main);
  main.replaceChildren(...all);
  draw.forEach((one) => one());
  kept(main);
}

function remembered(main) {
  const off = [...main.querySelectorAll(".legend button")].map((button) => [button.textContent, button.getAttribute("aria-pressed")]);
  const lists = [...main.querySelectorAll(".legend, .table")].map((box) => box.scrollTop);
  const focusable = "button, .legend, .table";
  const focus = [...main.querySelectorAll(focusable)].indexOf(document.activeElement);
  return () => {
    [...main.querySelectorAll(".legend button")].forEach((button, number) => {
      if (off[number]?.[0] === button.textContent && off[number][1] === "false") button.click();
    });
    [...main.querySelectorAll(".legend, .table")].forEach((box, number) => { box.scrollTop = lists[number] ?? 0; });
    if (focus >= 0) [...main.querySelectorAll(focusable)][focus]?.focus({ preventScroll: true });
  };
}

export function resize() {
  plots.forEach((plot, box) => plot.setSize({ width: box.clientWidth, height: box.clientHeight }));
}
