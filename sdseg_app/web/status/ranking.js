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
  const measured = rows.filter(isRanked).sort(byPlace).slice(0, MOST);
  const taken = new Map(status.reservations.map((one) => [one.image, one.annotator]));
  const others = rows.filter((row) => !isRanked(row)).slice(0, MOST);
  const button = (study, word) =>
    measureButton(study, model.name, busy.has(study.image) || asked.has(study.image), word);
  return [
    h("p", { class: "explain" }, "The model draws an image several times from different random starts. The more the "
      + "outlines differ, the less sure it is. Whoever asks for the next image gets them in this order; images that "
      + "resemble a labelled one come later."),
    measured.length
      ? h("ol", { class: "ranks" }, first(measured.map((row) => rank(row, button, taken)), SHOWN, "ranks"))
      : quiet("Not measured yet."),
    others.length > 0 && h("h3", {}, measured.length ? "Not measured yet" : "Measure"),
    others.length > 0 && h("div", {}, first(others.map(({ study }) => unmeasured(study, button)), SHOWN, "unmeasured")),
  ];
}

/** Scores of earlier weights count for the order until those being served have made theirs. */
function isRanked({ study, found }) {
  return found || study.rank !== null;
}

/** As the strategy sdseg_uncertainty gives them out; what is labelled already comes last, by doubt. */
function byPlace(one, other) {
  const [first, second] = [one.study.rank ?? Infinity, other.study.rank ?? Infinity];
  if (first !== second) return first - second;
  return (other.found?.value ?? -1) - (one.found?.value ?? -1);
}

function rank({ study, found }, button, taken) {
  const words = doubt(found);
  return h("li", { class: "rank", "data-key": study.image },
    imageName(study),
    found && found.value !== null && h("meter", { min: 0, max: 1, value: found.value.toFixed(4), "aria-label": words }),
    h("p", { class: "facts" }, facts(study, taken)),
    h("div", { class: "job-line" }, h("span", { class: "facts" }, words),
      h("span", { class: "row" }, button(study, found ? "Measure again" : "Measure"), viewerLink(study))),
  );
}

function doubt(found) {
  if (!found) return "Not measured with the weights served now";
  const times = count(found.noises, "time");
  return found.value === null
    ? `Drawn ${times}, and found nothing`
    : `Drawn ${times}, the outlines differ by ${percent(found.value)}`;
}

function facts({ image, rank: place, novelty, labels }, taken) {
  const known = [
    place && `Place ${place}`,
    // Of one that somebody is on it would be the distance to itself.
    novelty !== null && !taken.has(image) && `unlike what is labelled by ${novelty.toFixed(2)} (0: alike, 2: nothing in common)`,
    labels.final && "labelled already",
    taken.has(image) && `${taken.get(image) === "local" ? "somebody" : taken.get(image)} is on it`,
  ].filter(Boolean);
  return known.join(", ");
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
