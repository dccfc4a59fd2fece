// What the buttons do.

import { cancel, measure, stopTraining, train } from "./api.js";

/** Listens once for all buttons: they carry their work as data-action. `tell(words)` shows what came of it. */
export function listen({ asked, tell, refresh, showAll }) {
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
      const text = `Train ${model} on ${labels} finished label${labels === "1" ? "" : "s"}? The new weights take the `
        + "place of the old ones when it ends. It may take hours; you can stop it.";
      if (!(await confirmed(text))) return;
      const answer = await train(model);
      tell(answer.words ?? "The training starts.");
    },
    async stop() {
      if (!(await confirmed("Stop the training? What it learnt so far is not used."))) return;
      const answer = await stopTraining();
      tell(answer.words ?? "The training stops.");
    },
    all: showAll,
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) actions[button.dataset.action]?.(button);
  });
}

function confirmed(text) {
  const dialog = document.getElementById("question");
  document.getElementById("question-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
