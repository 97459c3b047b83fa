/** The addresses of the server, from its own description. */

/**
 * @typedef {{type?: string | string[], enum?: string[], description?: string}} Schema
 * @typedef {{summary: string, parameters: {name: string, required: boolean, description: string, schema: Schema}[],
 *   requestBody?: {content: Record<string, {schema: {properties: Record<string, Schema>, required: string[]}}>}}} Operation
 */

const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {(string | Node)[]} inside */
function made(tag, ...inside) {
  const element = document.createElement(tag);
  element.append(...inside);
  return element;
}

/** @param {string} name @param {Schema} schema @param {boolean} required @param {string} about */
function row(name, schema, required, about) {
  const type = schema.enum ? schema.enum.join(", ") : [schema.type].flat().join(" or ");
  const kind = made("td", required ? `${schema.enum ? "text" : type}, required` : type);
  return made("tr", made("td", name), kind, made("td", schema.enum ? `${about} One of ${type}.` : about));
}

/** @param {string} method @param {string} path @param {Operation} operation */
function described(method, path, operation) {
  const rows = operation.parameters.map(({ name, schema, required, description }) => row(name, schema, required, description));
  const body = operation.requestBody?.content["application/json"].schema;
  for (const [name, schema] of Object.entries(body?.properties ?? {})) {
    rows.push(row(name, schema, body?.required.includes(name) ?? false, schema.description ?? ""));
  }
  const title = made("h2", made("span", method.toUpperCase()), path);
  return made("article", title, made("p", operation.summary), ...(rows.length ? [made("table", ...rows)] : []));
}

const about = await (await fetch("/openapi.json")).json();
find("about").textContent = about.info.description;
find("header").textContent = about.components.securitySchemes.token.name;
find("operations").replaceChildren(...Object.entries(about.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => described(method, path, /** @type {Operation} */ (operation)))));
