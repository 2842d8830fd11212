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

// A box that scrolls when its content is too high; then, and only then, the keyboard stops at it.
function scrolling(kind, label, draw, child) {
  const box = make("div", { class: `scrolling ${kind}`, role: "group", "aria-label": label }, child);
  draw.push(() => { if (box.scrollHeight > box.clientHeight) box.tabIndex = 0; });
  return box;
}

function legend(panel, draw, toggle) {
  const rows = panel.series.map((one, number) => make("tr", {},
    make("td", {}, make("button", { type: "button", "aria-pressed": "true", title: "Show or hide this line",
      onclick: (event) => toggle(number, event.currentTarget) }, swatch(number), one.name || panel.title)),
    make("td", { class: "value" }, one.text), make("td", {}, one.low), make("td", {}, one.high)));
  const head = ["Series", "Last", "Lowest", "Highest"].map((name) => make("th", { scope: "col" }, name));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  return scrolling("legend", `Values of ${panel.title}`, draw, table);
}

function timeseries(panel, draw, zoom) {
  const box = make("div", { class: "chart", role: "img", "aria-label": `${panel.title}. ${panel.summary}` });
  let plot;
  const table = legend(panel, draw, (number, button) => {
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

function number(one) {
  const item = make("li", {}, make("strong", {}, one.text), one.name ? make("span", {}, one.name) : null);
  item.style.setProperty("--level", shade(one.color || "currentColor"));
  return item;
}

function numbers(panel, draw, items = panel.series.map(number)) {
  return [scrolling("numbers", panel.title, draw, make("ul", {}, ...items))];
}

// A half ring from the lowest to the highest value of the panel.
function ring(panel, one) {
  const low = panel.min ?? 0, high = panel.max ?? 100, value = one.value ?? low;
  const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 100 56");
  picture.setAttribute("aria-hidden", "true");
  picture.innerHTML = `<path class="rail" d="M8 50a42 42 0 0 1 84 0"/><path class="level" pathLength="100"
    stroke-dasharray="${(share * 100).toFixed(1)} 200" d="M8 50a42 42 0 0 1 84 0"/>`;
  return picture;
}

function gauge(panel, draw) {
  const items = panel.series.map((one) => {
    const item = number(one);
    item.classList.add("gauge");
    item.prepend(ring(panel, one));
    return item;
  });
  return numbers(panel, draw, items);
}

function table(panel, draw) {
  const { columns, rows, numbers: right } = panel.table;
  const kind = (index) => (columns[index] === right ? "number" : null);
  const head = columns.map((name, index) => make("th", { scope: "col", class: kind(index) }, name));
  const body = rows.map((row) => make("tr", {}, ...row.map((cell, index) => make("td", { class: kind(index) }, cell))));
  const rowsAndHead = make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  return [scrolling("table", `Table ${panel.title}`, draw, rowsAndHead)];
}

function text(panel, draw) {
  const words = make("div");
  words.innerHTML = panel.html;  // made by the service from Markdown, without HTML of its author
  return [scrolling("text", panel.title || "Text", draw, words)];
}

const KINDS = { timeseries, stat: (panel, draw) => numbers(panel, draw), gauge, table, text };

function content(panel, draw, zoom) {
  if (panel.error) return [make("p", { class: "error" }, panel.error)];
  const empty = panel.kind !== "text" && !panel.series.length && !(panel.table && panel.table.rows.length);
  return empty ? [make("p", { class: "empty" }, "No data in this time range.")] : KINDS[panel.kind](panel, draw, zoom);
}

// `heading` is the level of the title: panels stand below their row, if there is one.
function element(panel, number, heading, draw, zoom) {
  if (panel.kind === "row") return make("h2", { class: "row" }, panel.title);
  const id = `panel-${panel.id}-${number}`;
  const inside = make("div", { class: "content" });
  inside.append(...content(panel, draw, zoom));
  const title = panel.title ? make(heading, { id, class: "title" }, panel.title) : null;
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
    const heading = panels.slice(0, number).some((before) => before.kind === "row") ? "h3" : "h2";
    const made = element(panel, number, heading, draw, zoom);
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
  const lists = [...main.querySelectorAll(".scrolling")].map((box) => box.scrollTop);
  const focusable = "button, .scrolling";
  const focus = [...main.querySelectorAll(focusable)].indexOf(document.activeElement);
  return () => {
    [...main.querySelectorAll(".legend button")].forEach((button, number) => {
      if (off[number]?.[0] === button.textContent && off[number][1] === "false") button.click();
    });
    [...main.querySelectorAll(".scrolling")].forEach((box, number) => { box.scrollTop = lists[number] ?? 0; });
    if (focus >= 0) [...main.querySelectorAll(focusable)][focus]?.focus({ preventScroll: true });
  };
}

export function resize() {
  plots.forEach((plot, box) => plot.setSize({ width: box.clientWidth, height: box.clientHeight }));
}
