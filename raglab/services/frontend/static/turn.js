// One question with its answer: the words as they come, the passages they rest on, and what went wrong.

import { count, make } from "./dom.js";
import { problem } from "./problem.js";

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(2)} s`;

function passage({ score, source, content }) {
  return make("li", {}, make("details", { class: "passage" },
    make("summary", {},
      make("span", { class: "score", title: "Cosine similarity: 1 means the same direction" },
        make("span", { class: "visually-hidden" }, "Similarity "), score.toFixed(2)),
      make("span", { class: "source text-break" }, source),
      make("span", { class: "excerpt", "aria-hidden": "true" }, content)),
    make("p", { class: "content" }, content)));
}

function passages(found) {
  const title = found.length ? `${count(found.length, "passage")} found, best first` : "No passage was found";
  const note = found.length
    ? "The model was given the best of them, as many as fit into its prompt."
    : "The knowledge base is empty: upload a document, or ask without it.";
  return [
    make("p", { class: "small mb-1" }, make("strong", {}, title), ". ", note),
    make("ol", { class: "list-unstyled mb-0" }, ...found.map(passage)),
  ];
}

function facts({ knowledge, answeredBy, first, all, stopped }) {
  return [
    knowledge ? "with the knowledge base" : "without the knowledge base",
    answeredBy,
    first && `first words after ${seconds(first)}`,
    stopped ? "stopped by you" : all && `complete after ${seconds(all)}`,
  ].filter(Boolean).join(" · ");
}

function placeholder({ running, waiting, problem: failed, stopped }) {
  if (running) return make("span", { class: "waiting" }, waiting);
  return failed || stopped ? "" : "The model gave no answer.";
}

// `turn` is what is kept in the tab's storage; `again` asks the question once more.
export function show(turn, again) {
  const words = make("div", { class: "words" });
  const found = make("div", { class: "passages" });
  const trouble = make("div", { class: "trouble" });
  const footer = make("p", { class: "facts small text-body-secondary mb-0" });
  const element = make("li", { class: "turn" },
    make("h3", { class: "question" }, make("span", { class: "visually-hidden" }, "You asked: "), turn.question),
    make("div", { class: "answer card" }, words, trouble, found, footer));

  let drawn = null;  // passages stay as they are while words come: a person may have opened one

  function draw() {
    words.setAttribute("aria-busy", String(Boolean(turn.running)));
    if (turn.html) words.innerHTML = turn.html;  // made by our service, see rendering.py
    else words.replaceChildren(turn.text || placeholder(turn));
    words.classList.toggle("laid-out", Boolean(turn.html));
    if (drawn !== turn.passages) found.replaceChildren(...(turn.passages ? passages(turn.passages) : []));
    drawn = turn.passages;
    trouble.replaceChildren(...(turn.problem ? [problem(turn.problem, again)] : []));
    footer.textContent = facts(turn);
  }
  draw();
  return { element, draw, write: (piece) => words.append(piece) };
}
