// The status page: asks what there is, follows the queue, and draws both anew whenever one of them changes.

import { listen } from "./actions.js";
import { ask } from "./api.js";
import { connectionTo } from "./connection.js";
import { h, show } from "./dom.js";
import { follow } from "./live.js";
import { modelsParts, summaryParts } from "./models.js";
import { peopleParts } from "./people.js";
import { queueParts, queueSentence } from "./queue.js";
import { rankingParts } from "./ranking.js";
import { studiesParts } from "./studies.js";
import { isTraining, trainingParts } from "./training.js";

const EVERY = 30000; // asks what there is, beside whenever a job ends
const known = { status: null, queue: null, curves: null, asked: new Set(), all: false };
const connection = connectionTo(known);

function draw() {
  const { status, queue } = known;
  show(document.getElementById("summary"), summaryParts(known));
  if (queue) fill("queue", queueParts(known));
  if (queue || known.curves) fill("training", trainingParts(known));
  if (status) {
    fill("studies", studiesParts(known));
    fill("ranking", rankingParts(known));
    fill("people", peopleParts(known));
    fill("models", modelsParts(known));
    document.getElementById("viewer").hidden = status.server.archive === "files";
    show(document.getElementById("about"), document.createTextNode(
      `SDSeg ${status.server.version}. Not a medical device: check every outline before you use it.`));
  }
}

function fill(section, parts) {
  show(document.querySelector(`#${section} > .body`), parts);
}

function tell(words) {
  document.getElementById("announcement").textContent = words;
  const note = h("p", { class: "note", role: "presentation" }, words);
  document.body.append(note);
  setTimeout(() => note.remove(), 4000);
}

async function loadStatus() {
  const answer = await ask("status/");
  if (answer.data) {
    known.status = answer.data;
    known.queue ??= answer.data.queue;
    known.curves = answer.data.training;
    draw();
    // The first look may come before the archive has answered.
    if (!answer.data.archive.known) setTimeout(loadStatus, 2000);
  } else {
    connection.is(answer.problem, answer);
  }
}

async function loadCurves() {
  const answer = await ask("jobs/training/curves");
  if (answer.data) {
    known.curves = answer.data;
    draw();
  }
}

function endedIn(queue) {
  return (queue?.recent ?? []).map((job) => job.id).join() + queue?.training?.state;
}

function onQueue(queue) {
  const before = known.queue;
  known.queue = queue;
  draw();
  const sentence = queueSentence(queue);
  if (sentence !== queueSentence(before) && before) document.getElementById("announcement").textContent = sentence;
  if (endedIn(queue) !== endedIn(before)) loadStatus();
  if (queue.training && (isTraining(queue.training) || !known.curves || isTraining(before?.training))) soonCurves();
}

let curvesComing = null;
function soonCurves() {
  curvesComing ??= setTimeout(() => {
    curvesComing = null;
    loadCurves();
  }, 1000);
}

listen({
  asked: known.asked,
  tell,
  refresh: draw,
  reload: loadStatus,
  showAll() {
    known.all = true;
    draw();
  },
});
draw();
loadStatus();
follow(onQueue, connection.is);
setInterval(() => document.hidden || connection.barred() || loadStatus(), EVERY);
document.addEventListener("visibilitychange", () => document.hidden || loadStatus());
