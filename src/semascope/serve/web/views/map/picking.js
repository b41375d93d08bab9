// What is selected, as steps that stand in the URL: "ag3*rpAAB...*i". Steps are joined by "*"; each is "a" (add) or "r"
// (take away) with a kind and its body, or "i" (everything but these). Kinds: g a region, k a class of a column, t the rows
// of documents, p a polygon on the map, o a polygon on the map beside it.
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUE = new Map([...DIGITS].map((letter, at) => [letter, at]));
// Three digits a number. A lasso may reach beyond the map, which is 0..65535, by as much on either side.
const SHIFT = 65_536, MOST = 160;
const digits = (number) => {
  const value = Math.min(262_143, Math.max(0, Math.round(number) + SHIFT));
  return DIGITS[value >> 12] + DIGITS[(value >> 6) & 63] + DIGITS[value & 63];
};
export const polygonText = (polygon) => polygon.map(([x, y]) => digits(x) + digits(y)).join("");
export const polygonOf = (text) => {
  const out = [];
  if (text.length % 6 || [...text].some((letter) => !VALUE.has(letter))) return [];
  const number = (at) => ((VALUE.get(text[at]) << 12) | (VALUE.get(text[at + 1]) << 6) | VALUE.get(text[at + 2])) - SHIFT;
  for (let at = 0; at < text.length; at += 6) out.push([number(at), number(at + 3)]);
  return out;
};

// Fewer corners, none of the left-out ones farther than `near` from the line (Ramer, Douglas and Peucker).
const thinned = (line, near) => {
  const keep = new Uint8Array(line.length), open = [[0, line.length - 1]];
  keep[0] = keep[line.length - 1] = 1;
  while (open.length) {
    const [from, to] = open.pop(), [ax, ay] = line[from], [bx, by] = line[to], dx = bx - ax, dy = by - ay, long = dx * dx + dy * dy;
    let most = near * near, far = -1;
    for (let at = from + 1; at < to; at++) {
      const [x, y] = line[at], share = long ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / long)) : 0;
      const away = (x - ax - share * dx) ** 2 + (y - ay - share * dy) ** 2;
      if (away > most) { most = away; far = at; }
    }
    if (far >= 0) { keep[far] = 1; open.push([from, far], [far, to]); }
  }
  return line.filter((_, at) => keep[at]);
};
// A lasso as it is kept: whole numbers, few corners. near: how far (in units of the map) a corner may be moved.
export const lasso = (line, near) => {
  let out = thinned(line, near);
  for (let wide = near; out.length > MOST; wide *= 1.5) out = thinned(line, wide);
  return out.map(([x, y]) => [Math.round(x), Math.round(y)]);
};

export const stepsOf = (text = "") => text.split("*").flatMap((one) => {
  if (one === "i") return [{ how: "i" }];
  const found = /^([ar])([gkpo])(.+)$/.exec(one);
  if (!found) return [];
  const [, how, kind, body] = found;
  if (kind === "g") return [{ how, kind, group: body === "x" ? -1 : Number.parseInt(body, 10) || 0 }];
  if (kind === "k") {
    const cut = body.indexOf(".");
    try { return cut > 0 ? [{ how, kind, number: Number.parseInt(body, 10) || 0, column: decodeURIComponent(body.slice(cut + 1)) }] : []; } catch { return []; }
  }
  const polygon = polygonOf(body);
  return polygon.length > 2 ? [{ how, kind, polygon }] : [];
});
export const stepsText = (steps) => steps.map((one) => {
  if (one.how === "i") return "i";
  if (one.kind === "g") return `${one.how}g${one.group < 0 ? "x" : one.group}`;
  if (one.kind === "k") return `${one.how}k${one.number}.${encodeURIComponent(one.column).replaceAll("*", "%2A")}`;
  return one.how + one.kind + polygonText(one.polygon);
}).join("*");
// Steps with one more; how: "new" begins anew, "add" adds, "less" takes away.
export const stepped = (steps, one, how) => (how === "new" ? [{ ...one, how: "a" }] : [...(how === "less" && !steps.length ? [] : steps), { ...one, how: how === "less" ? "r" : "a" }]);

// The column of a step; an empty one where there is none of that name.
const classes = async (here, { kind, column }) => {
  if (kind !== "g" && !here.facts.columns.some((one) => one.name === column)) return {};
  return here.column(kind === "g" ? "group" : column).catch(() => ({}));
};
// Which rows the steps select, as 0 and 1; null where nothing is selected. here: the sheet; beside: the other or null, with
// `back[row]`, the row here that is its row (-1: none).
export const picked = async (steps, here, beside) => {
  if (!steps.length) return null;
  const out = new Uint8Array(here.n);
  for (const one of steps) {
    const value = one.how === "a" ? 1 : 0, put = (row) => { out[row] = value; };
    if (one.how === "i") for (let row = 0; row < out.length; row++) out[row] ^= 1;
    else if (one.kind === "p") here.plane.grid.inside(one.polygon, put);
    else if (one.kind === "o") { if (beside) beside.plane.grid.inside(one.polygon, (row) => { if (beside.back[row] >= 0) put(beside.back[row]); }); }
    else {
      const { of } = await classes(here, one), number = one.kind === "g" ? one.group : one.number;
      if (of) for (let row = 0; row < out.length; row++) if (of[row] === number) out[row] = value;
    }
  }
  return out;
};
// In words, for the heading of what is selected.
export const saidOf = async (steps, here) => {
  if (steps.length !== 1) return "";
  const [one] = steps;
  if (one.kind === "g") return one.group < 0 ? "In no region" : here.facts.groups.find(({ number }) => number === one.group)?.name ?? "";
  if (one.kind === "k") { const { names } = await classes(here, one); return names?.[one.number] ?? ""; }
  return "";
};
