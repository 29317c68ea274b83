// Runs a source as the body of an async function, and keeps what it gave and wrote; nothing else is added to the language.
(function (names, source, room) {
  "use strict";
  const stringify = JSON.stringify, text = String, Failure = Error, Body = (async () => {}).constructor;
  const keys = Object.keys(names), values = Object.values(names);
  const lines = [];
  let state = "pending", value = null, stack = "", cut = false;

  const show = (part) => {
    if (typeof part === "string") return part;
    try {
      if (part instanceof Failure) return text(part);
      const json = stringify(part);
      return json === undefined ? text(part) : json;
    } catch {
      return "(a value that cannot be shown)";
    }
  };
  const log = (...parts) => {
    if (cut) return;
    let line = "";
    for (let i = 0; i < parts.length; i++) line += (i ? " " : "") + show(parts[i]);
    if (line.length >= room) {
      line = line.slice(0, room);
      cut = true;
    }
    room -= line.length + 1;
    lines[lines.length] = line;
  };
  globalThis.console = { log, info: log, debug: log, warn: log, error: log };

  const thrown = (error) => {
    state = "thrown";
    value = error instanceof Failure ? show(error) : "thrown: " + show(error);
    stack = error instanceof Failure ? text(error.stack) : "";
  };
  const returned = (result) => {
    const json = stringify(result);
    value = json === undefined ? "null" : json;
    state = "returned";
  };
  const run = () => {
    const body = new Body(...keys, source);
    body(...values).then(returned).catch(thrown);
  };
  return [run, () => state, () => value, () => stack, () => stringify(lines), () => cut];
})
