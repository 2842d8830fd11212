// What the page asks its service. Every failure becomes a Problem: what happened, why, what to do next.

export class Problem extends Error {
  constructor(details) {
    super(details.what);
    this.details = details;
  }
}

const AWAY = {
  what: "This page's own service does not answer",
  why: "The connection to the frontend failed: its pod is restarting or gone, or the network is.",
  next: "Your text is kept in this tab. Look at the pod; when it is ready, try again.",
  command: "kubectl get pods -A -l app.kubernetes.io/name=frontend",
  service: "frontend",
};

function problemOf(status, body) {
  return new Problem(body?.problem ?? {
    what: "This was not accepted",
    why: body?.message ?? `The frontend answered with status ${status}.`,
    next: "Change it and try again.",
  });
}

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(AWAY);
  }
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null));
  return answer;
}

export const state = async () => (await call("api/state")).json();

export const documents = async () => (await (await call("api/documents")).json()).documents;

export async function remove(filename) {
  const query = new URLSearchParams({ filename });
  return (await (await call(`api/documents?${query}`, { method: "DELETE" })).json()).documents;
}

// The events of an answer: one JSON object a line.
export async function* ask(question, signal) {
  const body = JSON.stringify(question);
  const answer = await call("api/chat", { method: "POST", body, signal });
  const stream = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", complete = false;
  try {
    for (let part; !(part = await stream.read()).done;) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        complete ||= "html" in event || "problem" in event;
        yield event;
      }
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Problem) throw error;
    throw new Problem(AWAY);
  }
  if (!complete) throw new Problem(AWAY);
}

// XMLHttpRequest, because fetch does not tell how much of an upload has been sent.
export function upload(file, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.upload.onload = () => sent(1);
    request.onerror = () => reject(new Problem(AWAY));
    request.onload = () => {
      let body = null;
      try {
        body = JSON.parse(request.responseText);
      } catch { /* not from our service: told by its status */ }
      if (request.status === 200) resolve(body.documents);
      else reject(problemOf(request.status, body));
    };
    request.open("POST", "api/documents");
    request.send(form);
  });
}
