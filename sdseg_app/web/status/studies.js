// The images, their labels and what was decided about them.

import { h } from "./dom.js";
import { badge, imageName, quiet, viewerLink } from "./parts.js";
import { ago, percent } from "./words.js";

const TAGS = { final: "Finished", original: "Model’s result" };
const VERDICTS = { accept: ["Accepted", "good"], reject: ["Rejected", "bad"] };
const SHOWN = 8;
const NONE = () => h("span", { class: "quiet none" }, "–");

export function studiesParts({ status, all }) {
  const { archive, studies } = status;
  if (!archive.known) return [h("p", { class: "trouble", role: "status" }, archive.trouble)];
  if (!archive.total) return [quiet("The archive holds no series of a kind that the models know.")];
  const shown = all ? studies : studies.slice(0, SHOWN);
  return [
    h("div", { class: "scroll" }, table(shown)),
    shown.length < studies.length && h("button", { class: "button", type: "button", "data-action": "all" },
      `Show all ${studies.length}`),
    archive.total > studies.length && all
      && quiet(`These are ${studies.length} of ${archive.total} series; the viewer’s list has all.`),
  ];
}

function table(studies) {
  // The roles hold where a narrow screen makes cards of the rows.
  return h("table", { role: "table", class: "studies" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      ["Series", "Labels", "Decision", "Model’s doubt", "Viewer"].map((name) =>
        h("th", { role: "columnheader", scope: "col" }, name)),
    )),
    h("tbody", { role: "rowgroup" }, studies.map(row)),
  );
}

function row(study) {
  return h("tr", { role: "row", "data-key": study.image },
    cell("Series", imageName(study)),
    cell("Labels", labels(study.labels)),
    cell("Decision", review(study.review)),
    cell("Model’s doubt", doubt(study)),
    cell("Viewer", viewerLink(study) ?? NONE()),
  );
}

function cell(name, ...content) {
  return h("td", { role: "cell", "data-name": name }, h("div", {}, content));
}

function labels(known) {
  const tags = Object.entries(known);
  if (!tags.length) return h("span", { class: "quiet" }, "None yet");
  return h("ul", { class: "labels" }, tags.map(([tag, label]) => h("li", {},
    badge(TAGS[tag] ?? tag, tag === "final" ? "good" : "", `Tag: ${tag}`),
    h("span", {}, label.structures.join(", ")),
    h("span", { class: "facts" }, facts(by(label), label.from_archive && "found in the archive", ago(label.saved))),
  )));
}

function facts(...known) {
  return known.filter(Boolean).join(", ");
}

/** Without a login everybody is "local", which tells nothing. */
function by(act) {
  return act.by && act.by !== "local" && `by ${act.by}`;
}

function review(decided) {
  if (!decided) return NONE();
  const [word, kind] = VERDICTS[decided.verdict] ?? ["", ""];
  const unused = !decided.training && decided.verdict !== "reject" && "not for training";
  const more = facts(unused, by(decided), ago(decided.at));
  return h("span", {}, word && badge(word, kind), word && " ", h("span", { class: "facts" }, more));
}

function doubt(study) {
  if (!Object.keys(study.uncertainties).length) return h("span", { class: "quiet" }, "Not measured yet");
  return study.uncertainty === null ? "Found nothing" : percent(study.uncertainty);
}
