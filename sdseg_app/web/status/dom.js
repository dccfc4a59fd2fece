// Elements from plain descriptions, and changing a page without taking focus or open parts away.
// Nothing is ever parsed as HTML: what the server tells is text.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "line", "text", "circle", "rect", "title"]);

/** An element; `children` are elements, texts, numbers or lists of them; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
  return element;
}

/** Make what `parent` holds equal to `wanted`, keeping the elements that are there: focus and scrolling stay. */
export function show(parent, ...wanted) {
  const fresh = wanted.flat(Infinity).filter(Boolean);
  const keys = new Set(fresh.map(keyOf).filter(Boolean));
  // First those that go: then the others need not be moved, which would take the focus from them.
  for (const one of [...parent.children]) if (keyOf(one) && !keys.has(keyOf(one))) one.remove();
  const keyed = new Map([...parent.children].filter(keyOf).map((one) => [keyOf(one), one]));
  let next = parent.firstChild;
  for (const node of fresh) {
    const old = keyOf(node) ? keyed.get(keyOf(node)) : next;
    if (!old || !isLike(old, node)) {
      parent.insertBefore(node, next);
      continue;
    }
    if (old === next) next = next.nextSibling;
    else parent.insertBefore(old, next);
    change(old, node);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function keyOf(node) {
  return node.dataset?.key;
}

function isLike(old, node) {
  return old.nodeType === node.nodeType && old.nodeName === node.nodeName && keyOf(old) === keyOf(node);
}

function change(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // Whether a <details> is open is the reader's choice.
    if (!node.hasAttribute(name) && name !== "open" && name !== "style") old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (name !== "open" && name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (node.style?.cssText) old.style.cssText = node.style.cssText;
  show(old, ...node.childNodes);
}

/** A patch of colour: CSS from a script is what a strict Content-Security-Policy leaves. */
export function swatch(colour) {
  const element = h("span", { class: "swatch", "aria-hidden": "true" });
  if (/^#[0-9a-f]{6}$/i.test(colour)) element.style.backgroundColor = colour;
  return element;
}
