// Shows openapi.json: the operations by their tags, each with what it takes and what it answers.

const METHODS = ["get", "head", "post", "put", "patch", "delete"];

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A schema in a few words. */
function inWords(schema, schemas) {
  if (!schema || Object.keys(schema).length === 0) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map((one) => inWords(one, schemas)).join(" or ");
  if (schema.enum) return `one of ${schema.enum.join(", ")}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${inWords(schema.items, schemas)}`;
  if (schema.format === "binary" || schema.contentMediaType === "application/octet-stream") return "file";
  const limits = [
    ["minimum", "from"], ["maximum", "to"], ["minLength", "characters at least"], ["maxLength", "characters at most"], ["pattern", "like"],
  ].filter(([key]) => schema[key] !== undefined).map(([key, word]) => `${word} ${schema[key]}`);
  return [schema.type ?? "anything", ...limits].join(", ");
}

/** The fields of an object, where it is described by its name. */
function fieldsOf(schema, schemas) {
  const named = schema?.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
  return Object.entries(named?.properties ?? {}).map(([name, field]) => {
    const needed = named.required?.includes(name) ? "needed" : defaultOf(field);
    return [name, [needed, inWords(field, schemas), field.description].filter(Boolean).join("; ")];
  });
}

function defaultOf(schema) {
  return schema?.default === undefined || schema.default === null ? "" : `default ${JSON.stringify(schema.default)}`;
}

function list(title, pairs) {
  if (pairs.length === 0) return null;
  const items = pairs.flatMap(([name, text]) => [element("dt", { textContent: name }), element("dd", { textContent: text })]);
  return element("div", {}, element("h3", { textContent: title }), element("dl", {}, ...items));
}

function parameters(operation, schemas) {
  return (operation.parameters ?? []).map(({ name, in: place, required, schema, description }) => [
    name,
    [place, required ? "needed" : defaultOf(schema), inWords(schema, schemas), description].filter(Boolean).join("; "),
  ]);
}

function body(operation, schemas) {
  return Object.entries(operation.requestBody?.content ?? {}).flatMap(([type, { schema }]) => [
    ["Content-Type", type],
    ...fieldsOf(schema, schemas),
  ]);
}

function answers(operation, schemas) {
  return Object.entries(operation.responses).map(([status, { description, content }]) => {
    const kinds = Object.entries(content ?? {}).map(([type, { schema }]) => `${type} (${inWords(schema, schemas)})`);
    return [status, [description, ...kinds].filter(Boolean).join(" — ")];
  });
}

function show(path, method, operation, schemas) {
  const line = element("summary", {},
    element("span", { className: "method", textContent: method.toUpperCase() }),
    element("code", { textContent: path, className: operation.deprecated ? "old" : "" }),
    ` ${operation.summary ?? ""}`);
  const about = operation.description ? element("p", { className: "about", textContent: operation.description }) : null;
  return element("details", { id: operation.operationId }, line, about,
    list("Parameters", parameters(operation, schemas)),
    list("Body", body(operation, schemas)),
    list("Answers", answers(operation, schemas)));
}

function showAll(description) {
  const schemas = description.components?.schemas ?? {};
  const groups = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((name) => operations[name])) {
      const tag = operations[method].tags?.[0] ?? "Others";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(show(path, method, operations[method], schemas));
    }
  }
  const sections = [...groups].map(([tag, shown]) =>
    element("section", { className: "card" }, element("h2", { textContent: tag }), ...shown));
  document.getElementById("operations").replaceChildren(...sections);
  document.getElementById("title").textContent = `${description.info.title} ${description.info.version}`;
}

function find() {
  const words = document.getElementById("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("#operations > section")) {
    let any = false;
    for (const details of section.querySelectorAll("details")) {
      const text = details.firstChild.textContent.toLowerCase();
      details.hidden = !words.every((word) => text.includes(word));
      any ||= !details.hidden;
      shown += details.hidden ? 0 : 1;
    }
    section.hidden = !any;
  }
  document.getElementById("found").textContent = shown === 1 ? "1 operation" : `${shown} operations`;
}

const reply = await fetch("openapi.json");
if (reply.ok) {
  showAll(await reply.json());
  document.getElementById("find").addEventListener("input", find);
  find();
} else {
  document.getElementById("found").textContent = `The server answered ${reply.status}; load the page again.`;
}
