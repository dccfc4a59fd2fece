// Numbers, times and identifiers as people say them.

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** "3 images", "1 image". */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** "about 40 s", "about 3 min", "about 2 h". */
export function about(seconds) {
  if (seconds < 1.5) return "about 1 s";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 360) / 10} h`;
}

/** "just now", "5 min ago", "today 14:03", "3 Nov 2026"; `iso` in UTC, shown in the reader's zone. */
export function ago(iso, now = new Date()) {
  const then = new Date(iso);
  if (!iso || Number.isNaN(then.getTime())) return "";
  const seconds = (now - then) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (then.toDateString() === now.toDateString()) return `today ${TIME.format(then)}`;
  return DATE.format(then);
}

/** "14:33", or with the day where it is another one. */
export function until(iso, now = new Date()) {
  const then = new Date(iso);
  if (Number.isNaN(then.getTime())) return "";
  return then.toDateString() === now.toDateString() ? TIME.format(then) : `${DATE.format(then)}, ${TIME.format(then)}`;
}

/** The clock, for "known at 14:03". */
export function clock(date = new Date()) {
  return TIME.format(date);
}

/** A DICOM date, which has no zone: "1 Jan 2000". */
export function day(date) {
  return date ? DATE.format(new Date(`${date}T12:00:00`)) : "";
}

/** The end of a UID and the beginning of a hash, by which people tell two apart; names of files stay as they are. */
export function short(id) {
  if (/^[0-9a-f]{64}$/.test(id)) return `${id.slice(0, 12)}…`;
  return /^[0-9.]{20,}$/.test(id) ? `…${id.slice(-9)}` : id.length > 32 ? `${id.slice(0, 30)}…` : id;
}

/** 0.124 -> "12 %". */
export function percent(part) {
  const value = part * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** "MR" -> "MR", with what it stands for as hint. */
export const MODALITIES = {
  CT: "computed tomography", MR: "magnetic resonance", PT: "positron emission tomography", US: "ultrasound",
  CR: "computed radiography", DX: "digital radiography", ES: "endoscopy", OP: "ophthalmic photography",
  MG: "mammography", XA: "angiography", NM: "nuclear medicine", IO: "intra-oral radiography",
};
