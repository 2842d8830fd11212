// What answers now, and what is simulated, as the backend tells.

import { state } from "./api.js";
import { find, make, say } from "./dom.js";

const PAUSE = 10_000;  // milliseconds between two questions
const ROLES = { "nemollm-inference": "answers", "nemollm-embedding": "embeds" };
let before = "", timer;

function models(found) {
  return found.map(({ model, service, simulated, answered_by: by }) => make("li", { class: "text-break" },
    make("strong", {}, model), ` ${ROLES[service] ?? "serves"}`, simulated ? `, simulated by ${by}` : "", ` (${service})`));
}

function simulated(found) {
  const named = found.filter((one) => one.simulated)
    .map(({ service, model, answered_by: by }) => `${by} ${ROLES[service] ?? "serves"} in place of ${model}`);
  const place = find("simulated");
  place.hidden = !named.length;
  if (named.length) {
    place.replaceChildren(make("strong", {}, "Simulated: "),
      `${named.join(", ")}. Small models make many mistakes: compare what they say with the passages.`);
  }
}

function draw({ ailing, models: found }) {
  const well = !ailing.length;
  const word = well ? "all services answer" : ailing.map((one) => one.what).join(". ");
  find("services-word").textContent = well ? "ready" : `${ailing[0].service} is down`;
  document.querySelector("#services .dot").dataset.state = well ? "well" : "ailing";
  find("services-list").replaceChildren(make("p", { class: "mb-1" }, well ? "All services answer." : `${word}.`),
    make("ul", { class: "list-unstyled mb-0" }, ...models(found)));
  if (before && before !== word) say(well ? "All services answer again." : `${word}.`);
  const recovered = well && before !== word && before !== "";
  before = word;
  return recovered;
}

addEventListener("click", (event) => find("services").contains(event.target) || (find("services").open = false));

// `told` gets each new state and whether everything answers again.
export function watch(told) {
  async function look() {
    clearTimeout(timer);
    try {
      const now = await state();
      told(now, draw(now));
      if (now.models.length) simulated(now.models);  // nothing is known while the query-router is away
    } catch {
      draw({ ailing: [{ service: "frontend", what: "This page's own service does not answer" }], models: [] });
    }
    timer = setTimeout(() => (document.hidden ? document.addEventListener("visibilitychange", look, { once: true }) : look()), PAUSE);
  }
  look();
  return look;
}
