// Ties the parts together; the address says which tab is open.

import * as chat from "./chat.js";
import * as documents from "./documents.js";
import { find } from "./dom.js";
import { watch } from "./state.js";

const tabs = ["chat", "documents"];

function open() {
  const wanted = location.hash.slice(1);
  if (tabs.includes(wanted)) window.bootstrap.Tab.getOrCreateInstance(find(`${wanted}-tab`)).show();
}

for (const name of tabs) {
  find(`${name}-tab`).addEventListener("shown.bs.tab", () => history.replaceState(null, "", `#${name}`));
}
addEventListener("hashchange", open);

const look = watch((state, recovered) => {
  const model = state.models.find((one) => one.service === "nemollm-inference") ?? state.models[0];
  const name = model && (model.simulated ? `${model.answered_by}, simulating ${model.model}` : model.model);
  chat.know(name ?? "", state.tokens);
  if (recovered) documents.refresh();
});
chat.begin(() => look());
documents.begin(() => look());
open();
