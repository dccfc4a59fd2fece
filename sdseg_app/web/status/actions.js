// What the buttons do.

import { cancel, changeModel, measure, stopTraining, train } from "./api.js";

const VERDICTS = {
  accepted: "It was judged not worse.",
  worse: "It was judged WORSE than the champion of that time.",
  unjudged: "It was never judged against another.",
};
const DONE = { promote: "It is served now.", withdraw: "Withdrawn.", rollback: "Rolled back." };

/** Listens once for all buttons: they carry their work as data-action. `tell(words)` shows what came of it. */
export function listen({ asked, tell, refresh, reload, showAll }) {
  const actions = {
    async copy(button) {
      const { value } = button.dataset;
      try {
        await navigator.clipboard.writeText(value);
        tell("Copied.");
      } catch {
        button.textContent = value; // without permission it can still be read and marked
      }
    },
    async cancel(button) {
      button.disabled = true;
      const answer = await cancel(button.dataset.job);
      button.disabled = false;
      tell(answer.words ?? "Cancelled.");
    },
    async measure(button) {
      const { image, model } = button.dataset;
      asked.add(image);
      refresh();
      const answer = await measure(model, image);
      asked.delete(image);
      tell(answer.words ?? "The measurement is in the queue.");
      refresh();
    },
    async train(button) {
      const { model, labels } = button.dataset;
      const field = button.closest(".row").querySelector("input");
      if (!field.reportValidity()) return;
      const text = `Train ${model} on ${labels} finished label${labels === "1" ? "" : "s"}, for at most ${field.value} `
        + "minutes? The new weights are then judged on patients kept out of training, and served only if they are not worse.";
      if (!(await confirmed(text))) return;
      const answer = await train(model, Number(field.value));
      tell(answer.words ?? "The training starts.");
    },
    async stop() {
      if (!(await confirmed("Stop the training? What it learnt so far is not used."))) return;
      const answer = await stopTraining();
      tell(answer.words ?? "The training stops.");
    },
    promote: (button) => change(button, `Serve ${button.dataset.name} from now on? ${VERDICTS[button.dataset.verdict]}`),
    withdraw: (button) => change(button, `Withdraw ${button.dataset.name}? It is not served any more; its files are `
      + "kept, and “sdseg models segs” lists the segmentations it made."),
    rollback: (button) => change(button, `Stop serving ${button.dataset.name}, and serve the champion before it again?`),
    all: showAll,
  };
  async function change(button, text) {
    const reason = await reasonFor(text);
    if (reason === null) return;
    const { model, action, name } = button.dataset;
    const values = action === "rollback" ? { reason } : { name, reason };
    button.disabled = true;
    const answer = await changeModel(model, action, values);
    button.disabled = false;
    tell(answer.words ?? DONE[action]);
    reload();
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) actions[button.dataset.action]?.(button);
  });
}

/** The reason, perhaps "", or null where it shall not be done. */
async function reasonFor(text) {
  const field = document.getElementById("question-reason");
  field.value = "";
  field.parentElement.hidden = false;
  const yes = await confirmed(text);
  field.parentElement.hidden = true;
  return yes ? field.value.trim() : null;
}

let questions = 0;

function confirmed(text) {
  const dialog = document.getElementById("question");
  // Each question has a yes of its own: no answer is ever taken for one to another.
  const yes = `yes-${(questions += 1)}`;
  document.getElementById("question-yes").value = yes;
  document.getElementById("question-text").textContent = text;
  dialog.returnValue = "no";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", function closed() {
      if (dialog.open) return; // the event was about the question before
      dialog.removeEventListener("close", closed);
      resolve(dialog.returnValue === yes);
    });
  });
}
