// The form above the panels: variables, time range, refresh. Its state is the page's address.

import { make } from "./dom.js";

const RANGES = [["now-5m", "Last 5 minutes"], ["now-15m", "Last 15 minutes"], ["now-30m", "Last 30 minutes"],
  ["now-1h", "Last hour"], ["now-3h", "Last 3 hours"], ["now-6h", "Last 6 hours"], ["now-24h", "Last 24 hours"],
  ["now-7d", "Last 7 days"]];
const REFRESHES = [["", "Off"], ["5s", "5 s"], ["10s", "10 s"], ["30s", "30 s"], ["1m", "1 min"]];

const clock = (moment) => new Date(moment * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function field(label, control) {
  return make("label", {}, make("span", {}, label), control);
}

function options(list, chosen) {
  const known = list.some(([value]) => value === chosen);
  const all = known ? list : [...list, [chosen, chosen]];
  return all.map(([value, text]) => make("option", { value, selected: value === chosen }, text));
}

function variable(one, change) {
  const name = `var-${one.name}`;
  if (one.free) return field(one.label, make("input", { name, value: one.chosen[0] ?? "", onchange: (event) => change({ [name]: [event.target.value] }) }));
  if (one.multi) return choices(one, name, change);
  const control = make("select", { name, onchange: (event) => change({ [name]: [event.target.value] }) },
    ...one.options.map((option) => make("option", { value: option.value, selected: one.chosen.includes(option.value) }, option.text)));
  return field(one.label, control);
}

// Several values: a list of check boxes that opens. Choosing All clears the others, and the other way round.
function choices(one, name, change) {
  const texts = one.options.filter((option) => one.chosen.includes(option.value)).map((option) => option.text);
  const pick = (value, on) => {
    const others = one.chosen.filter((chosen) => chosen !== value && chosen !== "$__all");
    change({ [name]: on ? (value === "$__all" ? [value] : [...others, value]) : others });
  };
  const boxes = one.options.map((option) => make("label", {},
    make("input", { type: "checkbox", name, value: option.value, checked: one.chosen.includes(option.value),
      onchange: (event) => pick(option.value, event.target.checked) }), option.text));
  return make("details", { class: "choices", "data-name": name },
    make("summary", {}, make("span", {}, one.label), make("b", {}, texts.join(" + ") || "none")),
    make("fieldset", {}, make("legend", {}, one.label), ...boxes));
}

// A range of fixed ends, as a drag over a chart gives, is one more choice.
function range(view, change) {
  const fixed = view.to === "now" ? [] : [["fixed", `${clock(view.start)} to ${clock(view.end)}`]];
  return field("Time range", make("select", { name: "range",
    onchange: (event) => change({ from: [event.target.value], to: ["now"] }) },
    ...options([...fixed, ...RANGES], fixed.length ? "fixed" : view.from)));
}

export function controls(form, view, refresh, change) {
  const open = [...form.querySelectorAll("details[open]")].map((details) => details.dataset.name);
  const focused = form.contains(document.activeElement) ? [document.activeElement.name, document.activeElement.value] : null;
  form.replaceChildren(
    ...view.variables.filter((one) => one.options.length !== 1 || one.multi || one.free).map((one) => variable(one, change)),
    range(view, change),
    field("Refresh", make("select", { name: "refresh", onchange: (event) => change({ refresh: [event.target.value] }) },
      ...options(REFRESHES, refresh))),
    make("button", { type: "submit" }, "Refresh now"));
  for (const details of form.querySelectorAll("details")) details.open = open.includes(details.dataset.name);
  if (focused?.[0]) {
    const same = (one) => one.name === focused[0] && (one.type !== "checkbox" || one.value === focused[1]);
    [...form.elements].find(same)?.focus();
  }
}
