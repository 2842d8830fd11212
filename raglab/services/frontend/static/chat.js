// The conversation: what is typed and what was answered stay in this tab, over reloads too.

import { ask, Problem } from "./api.js";
import { count, find, make, reader, say } from "./dom.js";
import { told } from "./problem.js";
import { show } from "./turn.js";

const form = find("ask"), box = find("question"), send = find("send"), list = find("turns");
const knowledge = find("knowledge"), tokens = find("tokens");
const keep = sessionStorage;
const turns = JSON.parse(keep.getItem("turns") ?? "[]");
let running = null;  // the AbortController of the answer that is being written
let answeredBy = "", afterwards = () => {};

const CLOSED = {
  what: "The page was closed before the answer was complete",
  why: "An answer is written only as long as the page that asked for it is open.",
  next: "Ask once more.",
};

const save = () => keep.setItem("turns", JSON.stringify(turns));

function sized() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, innerHeight * 0.4)}px`;
}

const atEnd = () => innerHeight + scrollY > document.documentElement.scrollHeight - 120;
const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });

function add(turn) {
  const view = show(turn, () => run(turn, view));
  list.append(view.element);
  find("welcome").hidden = true;
  return view;
}

function busy(controller) {
  running = controller;
  send.textContent = controller ? "Stop" : "Send";
  send.classList.toggle("btn-primary", !controller);
  send.classList.toggle("btn-outline-danger", Boolean(controller));
}

async function run(turn, view) {
  if (running) return say("An answer is being written. Press Esc to stop it.");
  const controller = new AbortController();
  const began = performance.now(), speech = reader();
  busy(controller);
  Object.assign(turn, { text: "", html: "", passages: null, problem: null, first: 0, all: 0, stopped: false, running: true,
    waiting: turn.knowledge ? "Searching the knowledge base" : "Waiting for the model", answeredBy });
  view.draw();
  toEnd();
  box.focus();  // also after "Try again", whose button is gone now
  say(turn.waiting);
  try {
    for await (const event of ask({ question: turn.question, knowledge_base: turn.knowledge, tokens: turn.tokens }, controller.signal)) {
      handle(event, turn, view, speech, performance.now() - began);
    }
    if (!turn.problem) turn.all = performance.now() - began;
  } catch (error) {
    if (error.name === "AbortError") turn.stopped = true;
    else if (error instanceof Problem) turn.problem = error.details;
    else throw error;
  } finally {
    finish(turn, view, speech);
  }
}

function handle(event, turn, view, speech, passed) {
  const follow = atEnd();
  if (event.passages) {
    Object.assign(turn, { passages: event.passages, waiting: `Reading ${count(event.passages.length, "passage")}` });
    view.draw();
  } else if (event.text) {
    turn.text += event.text;
    if (turn.first) view.write(event.text);
    else {
      turn.first = passed;
      view.draw();
    }
    speech.piece(event.text);
  } else Object.assign(turn, event);
  if (follow) toEnd();
}

function finish(turn, view, speech) {
  const follow = atEnd();
  turn.running = false;
  busy(null);
  view.draw();
  save();
  speech.end();
  say(turn.problem ? told(turn.problem) : turn.stopped ? "Stopped." : "The answer is complete.");
  afterwards();
  if (follow) toEnd();
}

function submit(event) {
  event?.preventDefault();
  if (running) return event?.submitter ? running.abort() : say("An answer is being written. Press Esc to stop it.");
  const question = box.value.trim();
  if (!question) return box.focus();
  const turn = { question, knowledge: knowledge.checked, tokens: Number(tokens.value) };
  turns.push(turn);
  box.value = "";
  typed();
  save();
  run(turn, add(turn));
}

function typed() {
  keep.setItem("draft", box.value);
  sized();
}

function pressed(event) {
  if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
  if (matchMedia("(pointer: coarse)").matches && !event.ctrlKey && !event.metaKey) return;  // phones have no Shift+Enter
  event.preventDefault();
  submit();
}

// `then` runs after each answer or failure.
export function begin(then) {
  afterwards = then;
  for (const turn of turns) {
    if (turn.running !== false) Object.assign(turn, { running: false, problem: CLOSED });
    add(turn);
  }
  box.value = keep.getItem("draft") ?? "";
  knowledge.checked = keep.getItem("knowledge") !== "no";
  knowledge.addEventListener("change", () => keep.setItem("knowledge", knowledge.checked ? "yes" : "no"));
  tokens.addEventListener("change", () => keep.setItem("tokens", tokens.value));
  box.addEventListener("input", typed);
  box.addEventListener("keydown", pressed);
  form.addEventListener("submit", submit);
  addEventListener("keydown", (event) => event.key === "Escape" && running?.abort());
  addEventListener("pagehide", save);
  sized();
  if (turns.length) toEnd();
}

// What the backend tells: who answers, and how long answers are unless the person chooses.
export function know(name, usual) {
  answeredBy = name;
  if (![...tokens.options].some((one) => Number(one.value) === usual)) {
    tokens.append(make("option", { value: usual }, `${usual} tokens`));
  }
  tokens.value = keep.getItem("tokens") ?? usual;
}
