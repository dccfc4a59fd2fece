// A judgement in plain words: of each structure both models, the difference with its interval, and the verdict.

import { h } from "./dom.js";
import { count } from "./words.js";

export function judgementParts(judgement) {
  return [
    h("p", { class: "facts" }, judgement.reason),
    judgement.structures.length > 0 && h("table", { role: "table", class: "judged" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        ["Structure", "Champion", "Challenger", "Difference", "Verdict"].map((name) =>
          h("th", { role: "columnheader", scope: "col" }, name)))),
      h("tbody", { role: "rowgroup" }, judgement.structures.map((one) => row(one, judgement)))),
    h("p", { class: "facts" }, basis(judgement)),
  ];
}

function row(one, { margin }) {
  return h("tr", { role: "row", "data-key": one.name },
    cell("Structure", one.name),
    cell("Champion", dice(one.champion)),
    cell("Challenger", dice(one.challenger)),
    cell("Difference", difference(one)),
    cell("Verdict", h("span", { class: one.worse ? "trouble" : "" }, verdict(one, margin))),
  );
}

function verdict({ difference: change, low, worse }, margin) {
  if (change === null) return worse ? "Cannot be said" : "–";
  if (worse && change >= -margin) return "May be worse";
  if (worse) return "Worse";
  return (low ?? change) > 0 ? "Better" : "Not worse";
}

function difference({ difference: change, low, high }) {
  if (change === null) return "–";
  return [signed(change), low !== null && h("span", { class: "interval" }, ` ${signed(low)} to ${signed(high)}`)];
}

function basis({ images, patients, margin }) {
  if (!images) return "No image could be judged.";
  const interval = patients < 2 ? "too few for an interval" : "with the interval that holds 95 % of the redrawn means";
  return `Dice (1 is perfect) on ${count(images, "image")} of ${count(patients, "patient")} kept out of training, `
    + `${interval}. Up to ${margin} less is let pass.`;
}

function dice(value) {
  return value === null ? "–" : value.toFixed(3);
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

function cell(name, ...content) {
  return h("td", { role: "cell", "data-name": name }, h("div", {}, content));
}
