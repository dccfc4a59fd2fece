// Which images the model is least sure about: how much its outlines differ when it draws an image several times.

import { h } from "./dom.js";
import { first, imageName, quiet, viewerLink } from "./parts.js";
import { count, percent } from "./words.js";

const SHOWN = 5;
const MOST = 50; // rows of each kind: every event draws them anew

export function rankingParts({ status, queue, asked }) {
  const model = status.models.find((one) => one.random);
  if (!model) return [quiet("The models here give one answer for an image, so there is no doubt to measure.")];
  if (!status.archive.known) return [quiet("The archive does not answer.")];
  const busy = new Set([...(queue?.running ?? []), ...(queue?.waiting ?? [])].map((job) => job.image));
  const rows = status.studies.map((study) => ({ study, found: study.uncertainties[model.name] }));
  const measured = rows.filter((row) => row.found).sort(byDoubt).slice(0, MOST);
  const others = rows.filter((row) => !row.found).slice(0, MOST);
  const button = (study, word) =>
    measureButton(study, model.name, busy.has(study.image) || asked.has(study.image), word);
  return [
    h("p", { class: "explain" }, "The model draws an image four times from different random starts. "
      + "The more the outlines differ, the less sure it is: look at those first."),
    measured.length
      ? h("ol", { class: "ranks" }, first(measured.map((row) => rank(row, button)), SHOWN, "ranks"))
      : quiet("Not measured yet."),
    others.length > 0 && h("h3", {}, measured.length ? "Not measured yet" : "Measure"),
    others.length > 0 && h("div", {}, first(others.map(({ study }) => unmeasured(study, button)), SHOWN, "unmeasured")),
  ];
}

function byDoubt(one, other) {
  return (other.found.value ?? -1) - (one.found.value ?? -1);
}

function rank({ study, found }, button) {
  const times = count(found.noises, "time");
  const words = found.value === null
    ? `Drawn ${times}, and found nothing`
    : `Drawn ${times}, the outlines differ by ${percent(found.value)}`;
  return h("li", { class: "rank", "data-key": study.image },
    imageName(study),
    found.value !== null && h("meter", { min: 0, max: 1, value: found.value.toFixed(4), "aria-label": words }),
    h("div", { class: "job-line" }, h("span", { class: "facts" }, words),
      h("span", { class: "row" }, button(study, "Measure again"), viewerLink(study))),
  );
}

function unmeasured(study, button) {
  return h("div", { class: "rank row-between", "data-key": study.image }, imageName(study), button(study, "Measure"));
}

function measureButton(study, model, busy, word) {
  return h("button", {
    class: "button small", type: "button", disabled: busy,
    "data-action": "measure", "data-image": study.image, "data-model": model,
    "aria-label": `Measure how sure the model is about ${study.image}`,
  }, busy ? "Measuring …" : word);
}
