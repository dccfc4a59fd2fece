// A curve as SVG: axes with round numbers, one line, marks where there are few points.

import { h } from "./dom.js";

const WIDTH = 460;
const HEIGHT = 150;
const LEFT = 46;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;

/**
 * @param points [[x, y], ...] in order of x
 * @param words what the picture says, for those who do not see it
 * @param range [lowest, highest] of y, or null for that of the points
 */
export function chart(points, { words, range = null, name }) {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const xs = ticks(Math.min(...finite.map(([x]) => x), 0), Math.max(...finite.map(([x]) => x), 1), 4);
  const ys = ticks(...(range ?? [Math.min(...finite.map(([, y]) => y), 0), Math.max(...finite.map(([, y]) => y))]), 3);
  const across = scale(xs, LEFT, WIDTH - RIGHT);
  const up = scale(ys, HEIGHT - BOTTOM, TOP);
  const place = ([x, y]) => `${across(x).toFixed(1)} ${up(y).toFixed(1)}`;
  const line = `M${finite.map(place).join("L")}`;
  return h("svg", { class: `chart ${name}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    ys.map((y) => [
      h("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(y), y2: up(y) }),
      h("text", { class: "tick end", x: LEFT - 7, y: up(y) + 4 }, number(y)),
    ]),
    xs.map((x) => h("text", { class: "tick middle", x: across(x), y: HEIGHT - 8 }, number(x))),
    h("path", { class: "curve", d: line }),
    finite.length <= 24 && finite.map(([x, y]) => h("circle", { class: "dot", cx: across(x), cy: up(y), r: 3 })),
  );
}

/** Round numbers from at most `low` to at least `high`, about `count` of them. */
export function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: Math.max(last - first, 1) + 1 }, (_, index) => (first + index) * step);
}

function scale(values, from, to) {
  const [low, high] = [values[0], values.at(-1)];
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

function number(value) {
  return Number(value.toPrecision(6)).toLocaleString("en-GB", { maximumFractionDigits: 4 });
}
