// The page: what the address says is asked from the service and shown; the form changes the address.

import { controls } from "./controls.js";
import { make } from "./dom.js";
import { resize, show } from "./panels.js";

const main = document.getElementById("panels");
const message = document.getElementById("message");
const title = document.getElementById("title");
const form = document.getElementById("controls");
const NAME = document.title;
const uid = location.pathname.match(/^\/d\/([^/]+)/)?.[1];
let timer, asked = 0;

const query = () => new URLSearchParams(location.search);

async function get(path) {
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw new Error("The dashboard service does not answer. It is asked again at the next refresh.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message ?? `The dashboard service answered ${answer.status}.`);
  return body;
}

function say(text) {
  if (message.textContent !== text) message.textContent = text;
}

async function home() {
  const { dashboards, problems } = await get("/api/raglab/home");
  say(problems.join(" "));
  const items = dashboards.map((one) => make("li", {}, make("a", { href: one.url }, one.title), make("span", {}, one.source)));
  main.className = "list";
  main.replaceChildren(items.length ? make("ul", {}, ...items) : make("p", {},
    "There are no dashboards yet. A ConfigMap with the label grafana_dashboard=1 and a dashboard's JSON adds one."));
}

async function dashboard() {
  const turn = ++asked;
  const wanted = query();
  const width = main.clientWidth / 2;
  wanted.set("points", Math.round(Math.min(600, Math.max(60, width / 2))));
  ["refresh", "theme"].forEach((name) => wanted.delete(name));
  main.setAttribute("aria-busy", "true");
  try {
    const view = await get(`/api/raglab/view/${encodeURIComponent(uid)}?${wanted}`);
    if (turn !== asked) return;  // a later request is on its way
    title.textContent = view.title;
    document.title = `${view.title} - ${NAME}`;
    controls(form, view, query().get("refresh") ?? "10s", change);
    main.className = "grid";
    show(view.panels, main, zoom);
    tell(view);
  } finally {
    if (turn === asked) main.removeAttribute("aria-busy");
  }
}

// Problems that several panels share are said once.
function tell(view) {
  const errors = [...view.variables, ...view.panels].map((one) => one.error).filter(Boolean);
  say([...new Set(errors)].slice(0, 3).join(" "));
}

// `wanted` maps names in the address to their new values.
function change(wanted) {
  const next = query();
  for (const [name, values] of Object.entries(wanted)) {
    next.delete(name);
    values.forEach((value) => next.append(name, value));
  }
  history.pushState(null, "", `?${next}`);
  update();
}

const zoom = (start, end) => change({ from: [Math.round(start * 1000)], to: [Math.round(end * 1000)] });

function seconds(text) {
  const [, amount, unit] = text.match(/^(\d+)([sm])$/) ?? [];
  return amount ? amount * (unit === "m" ? 60 : 1) : 0;
}

async function update() {
  clearTimeout(timer);
  try {
    await (uid ? dashboard() : home());
  } catch (error) {
    say(error.message);
  }
  const pause = seconds(query().get("refresh") ?? "10s");
  if (pause) timer = setTimeout(() => (document.hidden ? document.addEventListener("visibilitychange", update, { once: true }) : update()), pause * 1000);
}

form.addEventListener("submit", (event) => { event.preventDefault(); update(); });
addEventListener("popstate", update);
addEventListener("resize", () => requestAnimationFrame(resize));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
const theme = query().get("theme");
if (theme === "light" || theme === "dark") document.documentElement.style.colorScheme = document.documentElement.dataset.theme = theme;
update();
