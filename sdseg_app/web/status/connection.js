// Whether the server answers, and what the reader is told when it does not.

import { h, show } from "./dom.js";
import { quiet } from "./parts.js";
import { clock } from "./words.js";

const STATES = { live: "Live", polling: "Updated every 5 seconds" };

/** `known.status` is what the page shows, or null. */
export function connectionTo(known) {
  const line = document.getElementById("live");
  const banner = document.getElementById("banner");
  let heard = null; // when the server last said something
  let barred = false; // not logged in, or not allowed

  /** `state`: "live", "polling" or a problem of `ask`, whose `answer` has the words. */
  function is(state, answer) {
    const trouble = words(state, answer);
    barred = state === "login" || state === "forbidden";
    line.dataset.state = trouble ? "trouble" : state;
    const text = trouble ? "Not connected" : STATES[state];
    if (line.textContent !== text) line.textContent = text; // it is read aloud when it changes
    banner.hidden = !trouble;
    if (!trouble) {
      heard = new Date();
      return;
    }
    show(banner, h("p", {}, trouble));
    if (known.status) return;
    for (const body of document.querySelectorAll(".card > .body")) show(body, quiet("Not known now."));
  }

  function words(state, answer) {
    const since = heard ? ` What you see is from ${clock(heard)}.` : "";
    return {
      login: ["You are not logged in. ", h("a", { href: "login" }, "Log in")],
      forbidden: ["Your account may not see this page. ", h("a", { href: "login" }, "Log in as somebody else")],
      gone: [`The server does not answer; trying again.${since}`],
      failed: [answer?.words ?? ""],
    }[state];
  }

  return { is, barred: () => barred };
}
