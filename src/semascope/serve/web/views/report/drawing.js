// A drawing that came as text, made anew of drawing elements alone: whatever else the text holds is left behind.
const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(["svg", "g", "title", "desc", "text", "tspan", "line", "polyline", "polygon", "path", "rect", "circle", "ellipse"]);
const ATTRIBUTES = new Set(["viewBox", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "width", "height", "d", "points", "transform",
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "text-anchor", "dominant-baseline",
  "font-size", "font-weight", "font-family", "font-style"]);
// A colour or a number, never a way to somewhere.
const harmless = (value) => !/url\s*\(|:\s*\/\/|javascript:|expression/i.test(value);

const copied = (node) => {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE || node.namespaceURI !== SVG || !ELEMENTS.has(node.localName)) return null;
  const made = document.createElementNS(SVG, node.localName);
  for (const { name, value } of node.attributes) if (ATTRIBUTES.has(name) && harmless(value)) made.setAttribute(name, value);
  for (const child of node.childNodes) {
    const one = copied(child);
    if (one) made.append(one);
  }
  return made;
};

export const drawing = (text) => {
  const found = new DOMParser().parseFromString(text, "image/svg+xml");
  if (found.querySelector("parsererror") || found.documentElement.localName !== "svg") return null;
  return copied(found.documentElement);
};
