// Inferences that run, wait and ended lately.

import { h } from "./dom.js";
import { badge, bar, first, identifier, quiet } from "./parts.js";
import { about, ago, day } from "./words.js";

const STAGES = {
  waiting: "Starting",
  fetch: "Getting the images from the archive",
  load: "Reading the images",
  model: "Outlining",
  restore: "Fitting the outline to the images",
  file: "Writing the result",
};
const ENDS = { done: ["Done", "good"], failed: ["Failed", "bad"], cancelled: ["Cancelled", ""] };

export function queueParts({ queue, status }) {
  const mine = status?.server;
  const known = new Map((status?.studies ?? []).map((study) => [study.image, study]));
  const each = (jobs, item) => jobs.map((job) => item(job, subject(job, known.get(job.image)), mine));
  const idle = !queue.running.length && !queue.waiting.length;
  return [
    idle && quiet("Nothing is being segmented. Start one in the viewer or in 3D Slicer, or below."),
    queue.running.length > 0 && h("ul", { class: "jobs" }, each(queue.running, running)),
    queue.waiting.length > 0 && h("h3", {}, "Waiting"),
    queue.waiting.length > 0 && h("ol", { class: "jobs waiting" }, each(queue.waiting, waiting)),
    queue.recent.length > 0 && h("h3", {}, "Ended lately"),
    queue.recent.length > 0 && h("div", { class: "ended" }, first(each(queue.recent, ended), 4, "ended")),
  ];
}

/** What is going on, in one sentence; it changes seldom enough to be read aloud. */
export function queueSentence(queue) {
  if (!queue) return "";
  if (!queue.running.length && !queue.waiting.length) return "No segmentation is running.";
  return `Segmentations: ${queue.running.length} running, ${queue.waiting.length} waiting.`;
}

function running(job, name, mine) {
  const counted = job.total > 0;
  const left = job.eta_seconds === null ? "" : `${about(job.eta_seconds)} left`;
  const stage = STAGES[job.stage] ?? job.stage;
  return h("li", { class: "job", "data-key": job.id },
    h("div", { class: "job-line" }, name, cancelButton(job, mine)),
    bar(job.done, job.total, `${stage}, image ${short(job)}`),
    h("div", { class: "job-line facts" },
      h("span", {}, counted ? `${stage}: slice ${job.done} of ${job.total}` : `${stage} …`),
      h("span", {}, left),
    ),
  );
}

function waiting(job, name, mine) {
  const left = job.eta_seconds === null ? "" : `, ready in ${about(job.eta_seconds)}`;
  return h("li", { class: "job", "data-key": job.id },
    h("div", { class: "job-line" }, name, cancelButton(job, mine)),
    h("p", { class: "facts" }, job.place ? `Place ${job.place} in the queue${left}` : "In the queue"),
  );
}

function ended(job, name) {
  const [word, kind] = ENDS[job.state] ?? [job.state, ""];
  return h("div", { class: "job past", "data-key": job.id },
    h("div", { class: "job-line" },
      name,
      h("span", { class: "when" }, badge(job.cached ? "Known already" : word, kind), ago(job.ended)),
    ),
    job.state === "failed" && h("p", { class: "facts trouble" }, job.detail),
  );
}

function subject(job, study) {
  return h("span", { class: "subject" },
    h("strong", {}, job.model),
    study?.modality && badge(study.modality, "modality"),
    day(study?.date),
    identifier(job.image || "an image that was sent", "image"),
    job.user && job.user !== "local" && h("span", { class: "facts" }, `for ${job.user}`),
  );
}

function cancelButton(job, mine) {
  if (mine && mine.role !== "admin" && mine.user !== job.user) return null;
  return h("button", {
    class: "button small", type: "button", "data-action": "cancel", "data-job": job.id,
    "aria-label": `Cancel the segmentation of ${job.image}`,
  }, "Cancel");
}

function short(job) {
  return job.image.slice(-9);
}
