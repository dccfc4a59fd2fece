// Small pieces that several sections use.

import { h } from "./dom.js";
import { MODALITIES, day, count, short } from "./words.js";

export function quiet(text) {
  return h("p", { class: "quiet" }, text);
}

export function badge(text, kind = "", title = null) {
  return h("span", { class: `badge ${kind}`, title }, text);
}

/** A long identifier, shortened; pressing it copies the whole. */
export function identifier(id, what) {
  return h("button", {
    class: "identifier", type: "button", "data-action": "copy", "data-value": id,
    title: `${id} – press to copy`, "aria-label": `Copy the ${what} ${id}`,
  }, short(id));
}

/** What an image is, without a word on whose it is. */
export function imageName(study) {
  const known = study.modality || study.date;
  return h("div", { class: "image" },
    known && h("span", { class: "image-facts" },
      study.modality && badge(study.modality, "modality", MODALITIES[study.modality]),
      day(study.date),
    ),
    h("span", { class: "image-more facts" },
      study.images && h("span", {}, count(study.images, "image")),
      identifier(study.image, study.study ? "series UID" : "name"),
    ),
  );
}

/** The viewer with the study open; nothing for files, which it cannot show. */
export function viewerLink(study, text = "Open") {
  if (!study?.study) return null;
  const query = new URLSearchParams({ StudyInstanceUIDs: study.study });
  return h("a", {
    class: "button small", href: `ohif/monai-label?${query}`,
    "aria-label": `Open study ${short(study.study)} in the viewer`,
  }, text);
}

export function bar(done, total, label) {
  return h("progress", { max: total || null, value: total ? done : null, "aria-label": label });
}

/** Some of `rows`, and the others behind "Show all". */
export function first(rows, number, what) {
  if (rows.length <= number) return rows;
  return [
    ...rows.slice(0, number),
    h("details", { class: "more", "data-key": `more-${what}` },
      h("summary", {}, `Show ${rows.length - number} more`),
      h("div", {}, rows.slice(number)),
    ),
  ];
}
