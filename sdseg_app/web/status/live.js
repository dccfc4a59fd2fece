// The queue as it changes: Server-Sent Events, and polling where they do not come through.

import { ask } from "./api.js";

const POLL = 5000;
const RETRY = 15000;

/** Calls `onQueue(queue)` on every change and `onState(state, answer)` with "live", "polling" or a problem of `ask`. */
export function follow(onQueue, onState) {
  let source = null;
  let polling = null;
  let retry = null;

  function open() {
    close();
    source = new EventSource("jobs/events");
    source.addEventListener("jobs", (event) => {
      stopPolling();
      onState("live");
      onQueue(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      // The browser connects again by itself unless the answer was an error or no stream.
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY);
      startPolling();
    });
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(retry);
    stopPolling();
  }

  function startPolling() {
    if (polling) return;
    polling = setInterval(poll, POLL);
    poll();
  }

  function stopPolling() {
    clearInterval(polling);
    polling = null;
  }

  async function poll() {
    const answer = await ask("jobs/");
    if (!polling) return; // the stream is back
    onState(answer.problem ?? "polling", answer);
    // Asking again does not help; the page does when somebody comes back to it, perhaps logged in.
    if (answer.problem === "login" || answer.problem === "forbidden") close();
    if (answer.data) onQueue(answer.data);
  }

  // A page that nobody looks at holds no connection: a browser has six for a server.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (!document.hidden) open();
}
