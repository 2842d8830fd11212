// The knowledge base: uploads with their progress, the list, and deletion.

import { documents, Problem, remove, upload } from "./api.js";
import { count, find, make, say } from "./dom.js";
import { problem, told } from "./problem.js";

const list = find("list"), uploads = find("uploads"), files = find("files"), drop = find("drop");
const confirm = find("confirm");
let waiting = Promise.resolve(), afterProblem = () => {};

function row({ filename, chunks, uploaded }) {
  const ask = () => deletion(filename, chunks);
  return make("tr", {},
    make("th", { scope: "row", class: "fw-normal text-break" }, filename),
    make("td", { class: "text-end" }, String(chunks)),
    make("td", { class: "d-none d-sm-table-cell text-nowrap" }, new Date(uploaded).toLocaleString()),
    make("td", { class: "text-end" },
      make("button", { type: "button", class: "btn btn-sm btn-outline-danger", "aria-label": `Delete ${filename}`, onclick: ask }, "Delete")));
}

function draw(found) {
  find("count").textContent = found.length;
  find("count").hidden = false;
  const heads = [["Name", ""], ["Passages", "text-end"], ["Uploaded", "d-none d-sm-table-cell"]];
  list.replaceChildren(found.length
    ? make("table", { class: "table align-middle", "aria-labelledby": "list-title" },
      make("thead", {}, make("tr", {}, ...heads.map(([text, kind]) => make("th", { scope: "col", class: kind }, text)),
        make("th", { scope: "col" }, make("span", { class: "visually-hidden" }, "Delete")))),
      make("tbody", {}, ...found.map(row)))
    : make("p", { class: "text-body-secondary" }, "None yet. Questions with the knowledge base find passages only in what is uploaded here."));
}

export async function refresh() {
  try {
    draw(await documents());
  } catch (error) {
    fail(error, list, refresh);
  }
}

function fail(error, place, again) {
  if (!(error instanceof Problem)) throw error;
  place.replaceChildren(problem(error.details, again));
  say(told(error.details));
  afterProblem();
}

function deletion(filename, chunks) {
  find("confirm-title").textContent = `Delete ${filename}?`;
  find("confirm-text").textContent = `${count(chunks, "passage")} will be gone from the knowledge base. The file itself is not here.`;
  confirm.onsubmit = ({ submitter }) => {  // without a value: false would keep the dialog open
    if (submitter.value === "yes") deleted(filename);
  };
  confirm.showModal();
}

async function deleted(filename) {
  try {
    draw(await remove(filename));
    say(`${filename} is deleted.`);
  } catch (error) {
    fail(error, list, refresh);
  }
  find("list-title").focus();  // the button that had the focus is gone
}

// One after the other: the query-router indexes two at a time, and a person sees which is next.
function add(chosen) {
  for (const file of chosen) {
    const item = make("li", { class: "upload card p-2 mb-2" });
    uploads.prepend(item);
    const bar = make("div", { class: "progress-bar" });
    const rail = make("div", { class: "progress", role: "progressbar", "aria-label": `Upload of ${file.name}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, bar);
    const word = make("span", { class: "small text-body-secondary" }, "waiting");
    item.append(make("p", { class: "d-flex flex-wrap justify-content-between gap-2 mb-1" },
      make("span", { class: "text-break" }, file.name), word), rail);
    waiting = waiting.then(() => send(file, { item, bar, rail, word }));
  }
}

async function send(file, parts) {
  const began = Date.now();
  const timer = setInterval(() => parts.indexing && (parts.word.textContent = `indexing, ${Math.round((Date.now() - began) / 1000)} s`), 1000);
  say(`Uploading ${file.name}`);
  try {
    draw(await upload(file, (share) => sent(share, parts)));
    parts.item.replaceChildren(make("p", { class: "done mb-0 text-break" },
      `${file.name} is in the knowledge base, after ${((Date.now() - began) / 1000).toFixed(1)} s`));
    say(`${file.name} is in the knowledge base.`);
  } catch (error) {
    parts.item.replaceChildren(make("p", { class: "mb-1 text-break" }, file.name), make("div", {}));
    fail(error, parts.item.lastChild, () => {
      parts.item.remove();
      add([file]);
    });
  } finally {
    clearInterval(timer);
  }
}

// All is sent when the query-router has read it; what follows takes longer and tells no share.
function sent(share, parts) {
  const percent = Math.round(share * 100);
  parts.bar.style.width = `${percent}%`;
  parts.rail.setAttribute("aria-valuenow", percent);
  parts.indexing = share === 1;
  parts.word.textContent = parts.indexing ? "indexing" : `sent ${percent} %`;
  parts.bar.classList.toggle("progress-bar-striped", parts.indexing);
  parts.bar.classList.toggle("progress-bar-animated", parts.indexing);
}

export function begin(whenProblem) {
  afterProblem = whenProblem;
  files.addEventListener("change", () => {
    add([...files.files]);
    files.value = "";
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") add([...event.dataTransfer.files]);
    });
  }
  return refresh();
}
