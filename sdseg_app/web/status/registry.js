// Champion and challengers of a model: what is served, what was trained, and how it was judged.

import { h } from "./dom.js";
import { judgementParts } from "./judgement.js";
import { badge, first, identifier, quiet } from "./parts.js";
import { ago, count } from "./words.js";

const SHOWN = 3;
const STATES = {
  challenger: ["Not served", ""], retired: ["Served before", ""],
  withdrawn: ["Withdrawn", "bad"], damaged: ["Damaged", "bad"],
};

export function registryParts({ name, registry }, server, origin) {
  const admin = server.role === "admin";
  const { champion, others } = registry;
  const challengers = others.filter((one) => one.state === "challenger");
  const earlier = others.filter((one) => one.state !== "challenger");
  const item = (entry) => other(name, entry, champion, admin);
  return h("div", { class: "registry" },
    registry.trouble && alarm(registry),
    current(name, registry, admin, origin),
    challengers.length > 0 && h("h4", {}, "Challengers"),
    challengers.length > 0 && h("div", {}, first(challengers.map(item), SHOWN, `${name} challengers`)),
    earlier.length > 0 && h("h4", {}, "Other weights"),
    earlier.length > 0 && h("div", {}, first(earlier.map(item), SHOWN, `${name} earlier`)),
    registry.more > 0 && quiet(`${count(registry.more, "older one")} more: sdseg models list`),
  );
}

function current(model, { champion, trouble, can_roll_back: back }, admin, origin) {
  return h("section", { class: "entry champion", "aria-label": `Champion of ${model}` },
    h("div", { class: "job-line" },
      h("span", { class: "subject" }, trouble ? badge("Champion, damaged", "bad") : badge("Champion", "good"), hash(champion)),
      admin && back && button("rollback", "Roll back", model, champion, "the champion before it is served again"),
    ),
    h("p", { class: "facts" }, words(
      champion.promoted ? `${trouble ? "promoted" : "served since"} ${ago(champion.promoted)}` : origin,
      trained(champion), by(champion),
    )),
    champion.judgement && h("details", { class: "more", "data-key": `${model} judged` },
      h("summary", {}, "How it was judged before"), judgementParts(champion.judgement)),
  );
}

function other(model, entry, champion, admin) {
  const [word, kind] = STATES[entry.state] ?? [entry.state, ""];
  const usable = entry.state !== "damaged" && entry.state !== "withdrawn";
  return h("section", { class: "entry", "data-key": entry.name, "aria-label": `Weights ${entry.name}` },
    h("div", { class: "job-line" },
      h("span", { class: "subject" }, badge(word, kind), verdict(entry), hash(entry)),
      admin && usable && h("span", { class: "row" },
        button("promote", "Promote", model, entry, "they are served from then on"),
        entry.name !== "base" && button("withdraw", "Withdraw", model, entry, "they are never served again")),
    ),
    h("p", { class: "facts" }, words(
      entry.made && `made ${ago(entry.made)}`, entry.promoted && `last promoted ${ago(entry.promoted)}`,
      trained(entry), by(entry),
    )),
    entry.note && h("p", { class: entry.state === "damaged" ? "trouble" : "facts" }, sentence(entry.note)),
    judged(entry, champion),
  );
}

function judged(entry, champion) {
  if (!entry.judgement) {
    return entry.state === "challenger"
      && h("p", { class: "facts" }, "Nobody compared it with the champion: label another patient, who then judges the "
        + "next training, or promote it by hand.");
  }
  const past = entry.judgement.champion !== champion.name && !champion.sha256.startsWith(entry.judgement.champion);
  return [
    judgementParts(entry.judgement),
    past && h("p", { class: "facts" }, `Judged against ${entry.judgement.champion}, which is not the champion now.`),
  ];
}

function alarm({ trouble, champion, served }) {
  return h("div", { class: "alarm", role: "status" },
    h("p", {}, h("strong", {}, "The champion is damaged. "), trouble),
    h("p", {}, served === champion.name
      ? "No request was lost."
      : `Requests are answered by ${served === "base" ? "the base weights" : served}, so outlines may be less good than `
        + "before. Nobody’s labels are affected."),
  );
}

function verdict({ judgement, state }) {
  if (state !== "challenger") return null;
  if (!judgement) return badge("Not judged");
  if (judgement.accepted) return badge("Not worse", "good");
  const worse = judgement.structures.some((one) => one.worse && one.difference < -judgement.margin);
  return badge(worse ? "Worse" : "May be worse", "bad");
}

function hash(entry) {
  return entry.name === "base"
    ? h("strong", {}, "The base weights")
    : identifier(entry.sha256, "SHA-256 of the weights");
}

function trained({ parent, facts }) {
  return words(
    parent && `trained on from ${parent.slice(0, 12)}…`,
    facts.images && `with ${count(facts.images, "labelled image")}`,
    facts.steps && `${facts.steps.toLocaleString("en-GB")} steps`,
  );
}

function by(entry) {
  return entry.by && entry.by !== "local" && `by ${entry.by}`;
}

function words(...known) {
  return known.filter(Boolean).join(", ");
}

function sentence(text) {
  const start = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

function button(action, word, model, entry, effect) {
  return h("button", {
    class: "button small", type: "button", "data-action": action, "data-model": model, "data-name": entry.name,
    "data-verdict": entry.judgement ? (entry.judgement.accepted ? "accepted" : "worse") : "unjudged",
    "aria-label": `${word} ${entry.name} of ${model}: ${effect}`,
  }, word);
}
