// The two texts with their words lit, the pairs that make most of the cosine, and all of it as a table.
import { cutter, el, figure, shorten } from "../../kit.js";
import { signed } from "./numbers.js";

const STRONGEST = 14;
const MOST_CELLS = 12_000;

const sum = (values) => values.reduce((total, one) => total + one, 0);
const wordsOf = (side) => { const at = cutter(side.text); return side.words.map(([start, stop]) => side.text.slice(at(start), at(stop))); };
const top = (values) => Math.max(1e-9, ...values.map(Math.abs));

// One text: its words are one stop of the tab key, the arrow keys go from word to word.
const side = (given, name, tell) => {
  const at = cutter(given.text), nodes = [], flow = [];
  let done = 0, here = 0;
  given.words.forEach(([start, stop], place) => {
    flow.push(given.text.slice(done, at(start)));
    const word = el("span", { class: "word", role: "option", tabindex: place ? "-1" : "0", "aria-selected": "false", "data-word": place, text: given.text.slice(at(start), at(stop)) });
    nodes.push(word);
    flow.push(word);
    done = at(stop);
  });
  flow.push(given.text.slice(done));
  const box = el("div", { class: "pair-text", dir: "auto", role: "listbox", "aria-label": `Words of the ${name} text`, "aria-orientation": "horizontal" }, ...flow);
  const placeOf = (node) => { const word = node.closest?.("[data-word]"); return word && box.contains(word) ? Number(word.dataset.word) : -1; };
  const stand = (place) => { nodes[here].tabIndex = -1; here = place; nodes[here].tabIndex = 0; };
  box.addEventListener("pointerover", (event) => { const place = placeOf(event.target); if (place >= 0) tell(place); });
  box.addEventListener("pointerleave", () => tell(box.contains(document.activeElement) ? here : -1));
  box.addEventListener("click", (event) => { const place = placeOf(event.target); if (place >= 0) { stand(place); nodes[place].focus(); } });
  box.addEventListener("focusin", (event) => { const place = placeOf(event.target); if (place >= 0) { stand(place); tell(place); } });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) tell(-1); });
  box.addEventListener("keydown", (event) => {
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    nodes[Math.min(nodes.length - 1, Math.max(0, to))].focus();
  });
  // shares: of each word; the word `chosen` is framed.
  const light = (shares, most, chosen = -1) => nodes.forEach((node, place) => {
    const part = shares ? Math.max(-1, Math.min(1, shares[place] / most)) : 0;
    node.style.setProperty("--share", Math.max(0, part).toFixed(3));
    node.classList.toggle("minus", part <= -0.08);
    node.classList.toggle("chosen", place === chosen);
    node.setAttribute("aria-selected", String(place === chosen));
    if (shares) node.dataset.share = shares[place].toFixed(4);
  });
  return { box, light };
};

export const sides = (found, say) => {
  const cells = found.matrix, ofA = cells.map(sum), ofB = found.b.words.map((_, column) => sum(cells.map((row) => row[column])));
  const mostCell = top(cells.flat());
  const names = [wordsOf(found.a), wordsOf(found.b)];
  const readout = el("p", { class: "pair-readout" });
  const rest = () => { readout.textContent = "All words at once: each is lit by the sum of its pairs."; a.light(ofA, top(ofA)); b.light(ofB, top(ofB)); };
  const tellFor = (which) => (place) => {
    if (place < 0) { rest(); return; }
    const row = which ? cells.map((one) => one[place]) : cells[place];
    const other = names[1 - which], order = row.map((_, at) => at).sort((x, y) => Math.abs(row[y]) - Math.abs(row[x])).slice(0, 4).filter((at) => row[at] !== 0);
    const met = order.map((at) => `${other[at]} ${signed(row[at], 3)}`).join(", ");
    readout.replaceChildren(el("b", { dir: "auto", text: names[which][place] }), ` makes ${signed((which ? ofB : ofA)[place], 3)} of the cosine, most of it with: `, el("span", { dir: "auto", text: met || "no word" }));
    const alone = names[which].map((_, at) => (at === place ? 1 : 0));
    (which ? b : a).light(alone, 2, place);
    (which ? a : b).light(row, mostCell);
    say(readout.textContent);
  };
  const a = side(found.a, "first", tellFor(0)), b = side(found.b, "second", tellFor(1));
  rest();
  // places: [[row, column]...] of the pairs to show alone; none of them shows all.
  const choose = (places) => {
    if (!places.length) { rest(); return; }
    const [left, right] = [names[0].map(() => 0), names[1].map(() => 0)];
    for (const [row, column] of places) { left[row] += cells[row][column]; right[column] += cells[row][column]; }
    a.light(left, top(left));
    b.light(right, top(right));
  };
  return { choose, node: el("div", { class: "pair-sides" },
    el("section", { class: "card", "aria-label": "First text" }, el("p", { class: "eyebrow", text: "First text" }), a.box),
    el("section", { class: "card", "aria-label": "Second text" }, el("p", { class: "eyebrow", text: "Second text" }), b.box), readout) };
};

// The same two words meet as often as they stand in the texts: what they make together.
const together = (found) => {
  const [left, right] = [wordsOf(found.a), wordsOf(found.b)], met = new Map();
  found.matrix.forEach((row, at) => row.forEach((value, column) => {
    if (value === 0) return;
    const key = `${left[at].toLowerCase()}\n${right[column].toLowerCase()}`;
    const one = met.get(key) ?? met.set(key, { words: [left[at], right[column]], value: 0, places: [] }).get(key);
    one.value += value;
    one.places.push([at, column]);
  }));
  return [...met.values()].sort((x, y) => Math.abs(y.value) - Math.abs(x.value)).slice(0, STRONGEST);
};

export const strongest = (found, choose) => {
  const all = together(found), most = top(all.map((one) => one.value));
  const digits = most < 0.05 ? 4 : 3;
  return el("section", { class: "card pair-strongest", "aria-labelledby": "strongest-title" }, el("h3", { id: "strongest-title", text: "Strongest pairs" }),
    el("ol", {}, ...all.map(({ words, value, places }) => {
      const part = el("span", { class: value < 0 ? "bar-part minus" : "bar-part" });
      part.style.left = "0";
      part.style.width = `${(100 * Math.abs(value)) / most}%`;
      return el("li", { onpointerenter: () => choose(places), onpointerleave: () => choose([]) },
        el("span", { class: "pair-words" }, el("b", { dir: "auto", text: words[0] }), " · ", el("b", { dir: "auto", text: words[1] }), places.length > 1 ? el("small", { text: ` ${places.length} times` }) : null),
        el("span", { class: "bar", "aria-hidden": "true" }, part), el("span", { class: "score", text: signed(value, digits) }));
    })));
};

// All pairs, made when it is opened. A table larger than a person can read shows the rows and columns that weigh most.
export const matrix = (found) => {
  const [left, right] = [wordsOf(found.a), wordsOf(found.b)];
  const box = el("div", { class: "wide", role: "region", "aria-label": "All pairs of words", tabindex: "0" });
  const most = top(found.matrix.flat());
  const kept = (weights, many) => weights.map((_, at) => at).sort((x, y) => weights[y] - weights[x]).slice(0, many).sort((x, y) => x - y);
  const fill = () => {
    const side = Math.floor(Math.sqrt(MOST_CELLS));
    const rows = kept(found.matrix.map((row) => sum(row.map(Math.abs))), side);
    const columns = kept(right.map((_, at) => sum(found.matrix.map((row) => Math.abs(row[at])))), side);
    const cut = rows.length < left.length || columns.length < right.length;
    box.replaceChildren(el("table", { class: "pair-table" },
      el("caption", { text: cut ? `The ${rows.length} by ${columns.length} words that weigh most, of ${left.length} by ${right.length}` : `${left.length} words of the first text by ${right.length} of the second` }),
      el("thead", {}, el("tr", {}, el("td", {}), ...columns.map((column) => el("th", { scope: "col", dir: "auto", text: shorten(right[column], 20) })))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, el("th", { scope: "row", dir: "auto", text: shorten(left[row], 20) }), ...columns.map((column) => {
        const value = found.matrix[row][column];
        const cell = el("td", { class: value < 0 ? "minus" : "", "data-value": String(value), text: figure(value, 3) });
        cell.style.setProperty("--share", Math.min(1, Math.abs(value) / most).toFixed(3));
        return cell;
      }))))));
  };
  return el("details", { class: "pair-all", ontoggle: (event) => { if (event.target.open && !box.firstChild) fill(); } }, el("summary", { text: "All pairs as a table" }), box);
};
