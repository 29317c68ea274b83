// The API browser: reads openapi.json and shows it. Nothing is built from text as markup, so no description can
// smuggle in a script; the key is kept in the input field and sent with "Try it" only.
"use strict";

const METHODS = ["get", "post", "put", "delete"];
let spec = null;

/** Make an element; children are elements or texts. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text in which `code` is shown as code. */
function prose(text) {
  return (text || "").split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

const nameOf = (schema) => (schema.$ref ? schema.$ref.split("/").pop() : null);

/** Follow a reference to its schema. */
function resolve(schema) {
  return schema && schema.$ref ? spec.components.schemas[nameOf(schema)] || {} : schema || {};
}

/** Say in a few words what a schema allows. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return resolve(schema).enum ? typeOf(resolve(schema)) : nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => `"${value}"`).join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  const bounds = [
    schema.format, schema.minimum !== undefined && `from ${schema.minimum}`, schema.maximum !== undefined && `to ${schema.maximum}`,
  ].filter(Boolean);
  return [schema.type || "any JSON", ...bounds].join(" ");
}

/** An example of a schema, to begin a request body with. Objects show required fields, then optional ones. */
function example(schema, depth = 0) {
  const plain = resolve(schema);
  if (plain.default !== undefined && plain.default !== null) return plain.default;
  if (plain.anyOf) return example(plain.anyOf.find((option) => option.type !== "null") || {}, depth);
  if (plain.enum) return plain.enum[0];
  if (plain.type === "array") return depth > 4 ? [] : [example(plain.items, depth + 1)];
  if (plain.type === "object") {
    if (depth > 4) return {};
    return Object.fromEntries(
      Object.entries(plain.properties || {}).map(([name, field]) => [name, example(field, depth + 1)]));
  }
  if (plain.type === "integer" || plain.type === "number") return plain.minimum || 0;
  if (plain.type === "boolean") return false;
  if (plain.format === "date-time") return new Date(Date.now() + 864e5).toISOString();
  return plain.type === "string" ? "" : null;
}

/** The fields of an object schema as a table; references open in place. */
function fields(schema, depth = 0) {
  const plain = resolve(schema);
  if (plain.type === "array") return fields(plain.items, depth);
  const rows = Object.entries(plain.properties || {}).map(([name, field]) => {
    const inner = [field, ...(field.anyOf || []), field.items].find((one) => one && (nameOf(one) || nameOf(one.items || {})));
    const target = inner && (nameOf(inner) ? inner : inner.items);
    const nested = target && depth < 3 && resolve(target).properties
      ? make("details", {}, make("summary", {}, nameOf(target)), fields(target, depth + 1)) : null;
    const required = (plain.required || []).includes(name);
    return make("tr", {},
      make("th", { scope: "row" }, make("code", {}, name)),
      make("td", {}, typeOf(field), required ? "" : " (optional)", ...prose(field.description ? `: ${field.description}` : ""), nested));
  });
  const about = plain.description ? make("p", { class: "hint" }, ...prose(plain.description)) : null;
  if (!rows.length) return make("div", {}, about, make("p", { class: "hint" }, typeOf(schema)));
  return make("div", {}, about, make("table", {}, make("tbody", {}, ...rows)));
}

function parameterTable(operation) {
  if (!operation.parameters.length) return null;
  const rows = operation.parameters.map((parameter) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, parameter.name)),
    make("td", {}, parameter.in),
    make("td", {}, typeOf(parameter.schema), parameter.required ? " (required)" : "",
      ...prose(parameter.description ? `: ${parameter.description}` : ""))));
  return make("div", {}, make("h4", {}, "Parameters"), make("table", {}, make("tbody", {}, ...rows)));
}

function bodyPart(operation) {
  if (!operation.requestBody) return null;
  const parts = Object.entries(operation.requestBody.content).map(([media, content]) =>
    make("details", {}, make("summary", {}, media), fields(content.schema)));
  return make("div", {}, make("h4", {}, `Body${operation.requestBody.required ? "" : " (optional)"}`), ...parts);
}

function answersPart(operation) {
  const parts = Object.entries(operation.responses).map(([status, response]) => {
    const [media, content] = Object.entries(response.content || {})[0] || [null, null];
    const title = `${status} ${response.description || ""}`;
    if (!content) return make("p", { class: "hint" }, title);
    return make("details", {}, make("summary", {}, title), make("p", { class: "hint" }, media), fields(content.schema));
  });
  return make("div", {}, make("h4", {}, "Answers"), ...parts);
}

function tryPart(method, path, operation) {
  const id = operation.operationId;
  const inputs = operation.parameters.map((parameter) => {
    const options = resolve(parameter.schema).enum;
    const name = `${id}-${parameter.name}`;
    const control = options
      ? make("select", { id: name }, make("option", { value: "" }), ...options.map((value) => make("option", { value }, value)))
      : make("input", { id: name, placeholder: typeOf(parameter.schema), required: parameter.required && "required" });
    return { parameter, control, element: make("div", {}, make("label", { for: name }, parameter.name), control) };
  });
  const content = operation.requestBody && operation.requestBody.content;
  const body = content ? make("textarea", { id: `${id}-body`, spellcheck: "false" }) : null;
  const media = content ? make("select", { id: `${id}-media` }, ...Object.keys(content).map((name) => make("option", {}, name))) : null;
  if (content) {
    media.value = content["application/json"] ? "application/json" : Object.keys(content)[0];
    const start = example((content["application/json"] || {}).schema);
    body.value = start && Object.keys(start).length ? JSON.stringify(start, null, 2) : "";
  }
  const output = make("div", { role: "status" });
  const button = make("button", { type: "submit" }, "Send");
  const form = make("form", {}, make("div", { class: "grid" }, ...inputs.map((input) => input.element),
    media && make("div", { class: "wide" }, make("label", { for: media.id }, "Content type"), media),
    body && make("div", { class: "wide" }, make("label", { for: body.id }, "Body"), body)), button, output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send({ method, path, inputs, body, media, output });
    button.disabled = false;
  });
  return make("details", {}, make("summary", {}, "Try it"), form);
}

async function send({ method, path, inputs, body, media, output }) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, control } of inputs) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(control.value));
    else if (!control.value) continue;
    else if (parameter.in === "query") query.append(parameter.name, control.value);
    else headers[parameter.name] = control.value;
  }
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body && body.value) headers["Content-Type"] = media.value;
  const url = spec.servers[0].url + target + (query.size ? `?${query}` : "");
  const began = performance.now();
  try {
    const response = await fetch(url, {
      method: method.toUpperCase(), headers, body: body && body.value ? body.value : undefined, credentials: "omit",
    });
    const text = await response.text();
    const took = Math.round(performance.now() - began);
    output.replaceChildren(
      make("p", { class: response.ok ? "" : "failed" }, `${response.status} ${response.statusText} in ${took} ms`),
      make("pre", { tabindex: "0", "aria-label": "Answer" }, pretty(text)));
  } catch (error) {
    output.replaceChildren(make("p", { class: "failed" }, `Not sent: ${error.message}`));
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text || "(empty)";
  }
}

function article(method, path, operation) {
  return make("article", { id: operation.operationId, "aria-label": `${method.toUpperCase()} ${path}` },
    make("h3", {}, make("span", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path)),
    make("p", { class: "summary" }, ...prose(operation.summary)),
    make("p", {}, ...prose(operation.description)),
    parameterTable(operation), bodyPart(operation), answersPart(operation), tryPart(method, path, operation));
}

function operations() {
  return Object.entries(spec.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ method, path, operation: methods[method] })));
}

function show() {
  const wanted = document.getElementById("search").value.trim().toLowerCase();
  const shown = operations().filter(({ method, path, operation }) =>
    !wanted || `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase().includes(wanted));
  const index = [];
  const articles = [make("p", {}, ...prose(spec.info.description.trim()))];
  for (const { name } of spec.tags) {
    const mine = shown.filter(({ operation }) => operation.tags.includes(name));
    if (!mine.length) continue;
    index.push(make("h2", {}, name), make("ul", {}, ...mine.map(({ method, operation }) => make("li", {},
      make("a", { href: `#${operation.operationId}` },
        make("span", { class: `method ${method}` }, method.toUpperCase()), operation.summary)))));
    articles.push(make("h2", { class: "tag" }, name), ...mine.map((one) => article(one.method, one.path, one.operation)));
  }
  document.getElementById("index").replaceChildren(...(index.length ? index : [make("p", {}, "Nothing found.")]));
  document.getElementById("operations").replaceChildren(...articles);
}

async function start() {
  const main = document.getElementById("operations");
  try {
    const response = await fetch("openapi.json", { credentials: "omit" });
    if (!response.ok) throw new Error(`the hub answered ${response.status}`);
    spec = await response.json();
  } catch (error) {
    main.replaceChildren(make("p", { class: "failed" }, `The description cannot be read: ${error.message}`));
    return;
  }
  document.getElementById("version").textContent = spec.info.version;
  show();
  document.getElementById("search").addEventListener("input", show);
  document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start();
