// A failure on the page: what happened, why, what to do next, and a button that tries again.

import { make } from "./dom.js";

export function problem({ what, why, next, command }, again) {
  return make("div", { class: "alert alert-danger problem mb-0" },
    make("p", { class: "fw-semibold mb-1" }, what),
    make("p", { class: "mb-1 text-break" }, why),
    make("p", { class: "mb-2" }, next),
    command ? make("pre", { class: "mb-2" }, make("code", {}, command)) : null,
    again ? make("button", { type: "button", class: "btn btn-sm btn-danger again", onclick: again }, "Try again") : null);
}

export const told = ({ what, why, next }) => `${what}. ${why} ${next}`;
