// The models: what they outline, where they come from, what is known about their quality.

import { h, swatch } from "./dom.js";
import { badge, identifier } from "./parts.js";
import { registryParts } from "./registry.js";
import { isTraining } from "./training.js";
import { MODALITIES, count } from "./words.js";

const ORIGINS = { shipped: "came with this software", given: "given when the server was started" };
const SOURCES = {
  shipped: "Came with this software: a demonstration",
  given: "Given when the server was started",
  "trained here": "Trained on labels saved here",
};

export function modelsParts({ status }) {
  return status.models.map((model) => card(model, status.server));
}

function card(model, server) {
  return h("article", { class: "model", "data-key": model.name },
    h("h3", {}, model.name, model.modalities.map((one) => badge(one, "modality", MODALITIES[one]))),
    h("p", { class: "facts" }, model.title),
    h("ul", { class: "structures", "aria-label": "Outlines" }, model.structures.map((one) =>
      h("li", { title: one.code || null }, swatch(one.colour), one.name))),
    h("dl", {},
      fact("Origin", SOURCES[model.source]),
      fact("Trained", trained(model.trained)),
      fact("Measured", metrics(model.metrics)),
      fact("Runs by", model.runs),
      fact("Weights", [model.weights, " ", identifier(model.weights_sha256, "SHA-256 of the weights")]),
    ),
    registryParts(model, server, ORIGINS[model.source]),
  );
}

function fact(name, value) {
  return value && [h("dt", {}, name), h("dd", {}, value)];
}

function trained({ on, when, steps, continued, software }) {
  const words = [
    on && `on ${on}`,
    steps && `${steps.toLocaleString("en-GB")} steps`,
    continued && `then ${continued.toLocaleString("en-GB")} more on labels saved here`,
    when,
    software.sdseg && `with sdseg ${software.sdseg}`,
  ].filter(Boolean);
  return words.length ? words.join(", ") : "The model card does not tell.";
}

function metrics(known) {
  const figures = Object.entries(known);
  if (!figures.length) return h("span", { class: "quiet" }, "The model card names no measurement.");
  const rows = figures.map(([name, value]) => h("li", {}, `${name}: ${Number(value.toPrecision(3))}`));
  return h("ul", {}, rows);
}

/** The tiles on top. */
export function summaryParts({ status, queue }) {
  const training = queue?.training;
  const busy = isTraining(training);
  return [
    tile("Models ready", status?.models.length ?? "…",
      status && count(structuresOf(status.models).size, "structure")),
    tile("Series", status?.archive.known ? status.archive.total : "…",
      status && `${status.archive.labelled} with a finished label`),
    tile("Segmenting", queue?.running.length ?? "…", queue && waitingWords(queue.waiting.length)),
    tile("Training", busy ? percentDone(training) : queue ? "off" : "…",
      busy ? training.model : queue && "none is running"),
  ];
}

function structuresOf(models) {
  return new Set(models.flatMap((model) => model.structures.map((one) => one.name)));
}

function percentDone({ done, total }) {
  return `${Math.round((100 * done) / Math.max(total, 1))} %`;
}

function waitingWords(waiting) {
  return waiting ? `${waiting} waiting` : "nobody waits";
}

function tile(name, value, more) {
  return h("div", { class: "tile" },
    h("p", { class: "tile-name" }, name),
    h("p", { class: "figure" }, String(value)),
    h("p", { class: "facts" }, more || ""),
  );
}
