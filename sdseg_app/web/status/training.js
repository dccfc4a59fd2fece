// Learning from the labels saved here.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { badge, bar, quiet } from "./parts.js";
import { about, ago, count } from "./words.js";

const STATES = {
  waiting: ["Waiting for its turn", ""],
  running: ["Learning", "good"],
  paused: ["Paused while a segmentation runs", ""],
  done: ["Finished", "good"], failed: ["Failed", "bad"], stopped: ["Stopped", ""],
};
const STAGES = {
  prepare: "Reading the labelled images", train: "Learning", validate: "Checking on labels kept apart",
  publish: "Putting the new weights in place", judge: "Judging the new weights on patients kept apart",
};
const COUNTED = { validate: "slice", judge: "outline" };
const ACTIVE = new Set(["waiting", "running", "paused"]);

export function isTraining(training) {
  return Boolean(training && ACTIVE.has(training.state));
}

export function trainingParts({ status, queue, curves }) {
  const training = queue?.training;
  return [
    training ? progress(training, status?.server) : quiet("Nothing was trained here yet."),
    curves?.loss?.length > 1 && figure("Error while learning (loss): should fall", chart(
      curves.steps.map((step, index) => [step, curves.loss[index]]),
      { name: "loss", words: sentence("Error while learning", curves.loss) },
    )),
    curves?.val_dice?.length > 0 && figure("Agreement with labels kept apart (Dice): should rise towards 1", chart(
      curves.val_dice,
      { name: "dice", range: [0, 1], words: sentence("Agreement", curves.val_dice.map(([, value]) => value)) },
    )),
    status && !isTraining(training) && trainButton(status),
  ];
}

function progress(training, mine) {
  const [word, kind] = STATES[training.state] ?? [training.state, ""];
  const active = isTraining(training);
  const left = active && training.eta_seconds ? `${about(training.eta_seconds)} left` : "";
  return h("div", { class: "job", "data-key": "training" },
    h("div", { class: "job-line" },
      h("span", { class: "subject" }, h("strong", {}, training.model), badge(word, kind)),
      active && mine?.role === "admin"
        ? h("button", { class: "button small", type: "button", "data-action": "stop" }, "Stop")
        : h("span", { class: "facts" }, active ? "" : ago(training.started)),
    ),
    active && bar(training.done, training.total, "Training"),
    active && h("div", { class: "job-line facts" },
      h("span", {}, stage(training)),
      h("span", {}, left)),
    training.detail && h("p", { class: training.state === "failed" ? "facts trouble" : "facts" }, training.detail),
    (training.remarks ?? []).map((remark) => h("p", { class: "facts" }, remark)),
  );
}

function stage({ stage: now, done, total }) {
  const name = STAGES[now] ?? now;
  return total ? `${name}: ${COUNTED[now] ?? "step"} ${done} of ${total}` : `${name} …`;
}

function figure(caption, picture) {
  return h("figure", {}, h("figcaption", {}, caption), picture);
}

function sentence(what, values) {
  return `${what}: from ${round(values[0])} to ${round(values.at(-1))} over ${count(values.length, "point")}.`;
}

function round(value) {
  return Number(Number(value).toPrecision(3));
}

function trainButton({ server, archive, models }) {
  if (server.role !== "admin") return null;
  if (!archive.labelled) return quiet("Once a finished label is saved, the model can learn from it.");
  return h("div", { class: "row" },
    h("label", { class: "field" }, "Use at most ",
      h("input", { type: "number", min: 1, max: 10080, step: 1, value: 20, required: true, inputmode: "numeric" }),
      " minutes"),
    models.map((model) => h("button", {
      class: "button", type: "button", "data-action": "train", "data-model": model.name, "data-labels": archive.labelled,
    }, `Train ${model.name} on ${count(archive.labelled, "finished label")}`)));
}
