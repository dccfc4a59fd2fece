// Who labelled how much, and who is on what now.

import { h } from "./dom.js";
import { imageName, quiet, viewerLink } from "./parts.js";
import { ago, count, until } from "./words.js";

export function peopleParts({ status }) {
  const known = new Map(status.studies.map((study) => [study.image, study]));
  const { annotators, reservations } = status;
  return [
    annotators.length
      ? h("ul", { class: "people" }, annotators.map(person))
      : quiet("Nobody has saved a finished label yet."),
    reservations.length > 0 && h("h3", {}, "Being labelled now"),
    reservations.length > 0 && h("ul", { class: "people" }, reservations.map((one) => reserved(one, known))),
  ];
}

function person({ annotator, images, last }) {
  return h("li", { class: "row-between", "data-key": annotator || "-" },
    h("strong", {}, name(annotator)),
    h("span", { class: "facts" }, `${count(images, "finished label")}${last && `, the last ${ago(last)}`}`));
}

function reserved({ image, annotator, until: end }, known) {
  const study = known.get(image) ?? { image };
  return h("li", { class: "row-between", "data-key": image },
    imageName(study),
    h("span", { class: "facts" }, `${name(annotator)}, until ${until(end)}`),
    viewerLink(study));
}

function name(annotator) {
  return annotator && annotator !== "local" ? annotator : "Without a login";
}
