// Tokens across, layers down: what each layer of the encoder made of each token, as a table that is coloured.
import { announce, counted, el, figure, slice } from "../../kit.js";
import { css, inkOn, ramp, range, shade } from "./numbers.js";

const MEASURES = {
  to_own: { name: "Like its layer", says: "Cosine of each token's state with the mean of all tokens' states at that layer: where it nears 1, the layer makes all tokens alike." },
  to_last: { name: "Like its last state", says: "Cosine of each token's state with its own state at the last layer: how much of what it will be is there already." },
  size: { name: "Length", says: "Length of each token's state. A token that is many times as long as the others outweighs them in a mean." },
};
const visible = (text) => text.replace(/^\s+|\s+$/g, (blank) => "␣".repeat(blank.length)) || "␣";

// The token the pointer or the focus is at, lit where it stands in the text.
const inText = (found) => {
  const node = el("p", { class: "lens-text", dir: "auto", text: found.text });
  return { node, show(token) {
    if (!token || token.stop <= token.start) { node.replaceChildren(found.text); return; }
    node.replaceChildren(slice(found.text, 0, token.start), el("mark", { text: slice(found.text, token.start, token.stop) }), slice(found.text, token.stop, Infinity));
  } };
};

const table = (found, measure, say) => {
  const values = found[measure], layers = found.layers, tokens = found.tokens;
  const [low, high] = range(values.flat()), room = high - low || 1, digits = measure === "size" ? 1 : 2;
  const short = (value) => figure(value, digits).replace(/^(−?)0\./, "$1.");
  const cells = [];
  const head = el("tr", {}, el("th", { scope: "col", class: "corner", text: "Layer" }), ...tokens.map((token) => el("th", { scope: "col", dir: "auto", text: visible(token.text) })));
  const rows = layers.map((layer, at) => el("tr", {}, el("th", { scope: "row", text: layer }), ...tokens.map((token, column) => {
    const ink = shade((values[at][column] - low) / room);
    const cell = el("td", { tabindex: "-1", "data-at": `${at} ${column}`, text: short(values[at][column]), style: { background: css(ink), color: inkOn(ink) } });
    (cells[at] ??= [])[column] = cell;
    return cell;
  })));
  const caption = el("caption", { class: "unseen", text: `${MEASURES[measure].name}: ${counted(layers.length, "layer")} by ${counted(tokens.length, "token")}; the arrow keys move from cell to cell` });
  const made = el("table", { class: "lens-table", role: "grid", "aria-label": `Tokens by layer: ${MEASURES[measure].name}` }, caption, el("thead", {}, head), el("tbody", {}, ...rows));
  const placeOf = (node) => node.closest?.("td[data-at]")?.dataset.at.split(" ").map(Number);
  const tell = (event) => { const place = placeOf(event.target); if (place) say(...place); };
  // One stop for the tab key; the arrow keys go from cell to cell.
  let here = [0, 0];
  cells[here[0]][0].tabIndex = 0;
  const move = (row, column) => {
    cells[here[0]][here[1]].tabIndex = -1;
    here = [Math.min(layers.length - 1, Math.max(0, row)), Math.min(tokens.length - 1, Math.max(0, column))];
    const cell = cells[here[0]][here[1]];
    cell.tabIndex = 0;
    cell.focus();
  };
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  made.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = steps[event.key];
    if (step) move(place[0] + step[0], place[1] + step[1]);
    else if (event.key === "Home") move(place[0], 0);
    else if (event.key === "End") move(place[0], tokens.length - 1);
    else return;
    event.preventDefault();
  });
  made.addEventListener("click", (event) => { const place = placeOf(event.target); if (place) move(...place); });
  made.addEventListener("pointerover", tell);
  made.addEventListener("focusin", (event) => { const place = placeOf(event.target); if (place) { cells[here[0]][here[1]].tabIndex = -1; here = place; event.target.tabIndex = 0; } tell(event); });
  return { made, low, high, digits };
};

const legend = (low, high, digits) => {
  const bar = el("span", { class: "ramp", "aria-hidden": "true" });
  bar.style.background = ramp();
  return el("div", { class: "lens-legend" }, el("span", { class: "unseen", text: "Colours: palest " }), el("span", { text: figure(low, digits) }), bar, el("span", { class: "unseen", text: "to deepest" }), el("span", { text: figure(high, digits) }));
};

export const lens = (app) => {
  const node = el("div", { class: "part lens-part" });
  let kept = { ctx: null, found: null };
  const draw = (found) => {
    const measure = MEASURES[app.state.measure] ? app.state.measure : "to_own";
    const text = inText(found), readout = el("p", { class: "lens-readout", text: "Point at a cell, or go to one with the arrow keys." });
    const say = (at, column) => {
      const token = found.tokens[column];
      readout.replaceChildren(el("b", { dir: "auto", text: visible(token.text) }), ` token ${column + 1}, layer ${found.layers[at]}: `,
        `${figure(found.to_own[at][column], 3)} with its layer’s middle · ${figure(found.to_last[at][column], 3)} with its last state · length ${figure(found.size[at][column], 2)}`);
      text.show(token);
    };
    const { made, low, high, digits } = table(found, measure, say);
    const choice = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Measure" }, ...Object.entries(MEASURES).map(([name, one]) => el("label", {},
      el("input", { type: "radio", name: "lens-measure", value: name, checked: name === measure || undefined, onchange: () => { app.go({ measure: name === "to_own" ? "" : name }, { replace: true }); announce(one.name); } }), el("span", { text: one.name }))));
    const again = node.contains(document.activeElement) && document.activeElement.name === "lens-measure";
    node.replaceChildren(el("section", { class: "card", "aria-labelledby": "lens-title" },
      el("h3", { id: "lens-title", text: "Token by layer" }), choice, el("p", { class: "note", text: MEASURES[measure].says }), text.node,
      el("div", { class: "lens-bar" }, readout, legend(low, high, digits)),
      el("div", { class: "wide", role: "region", "aria-label": "Table of tokens by layer" }, made),
      el("p", { class: "note", text: `Layer 0 is what goes into the first layer; layer ${found.layers.at(-1)} is what the vector is pooled from.${found.cut ? ` The last ${counted(found.cut, "token")} of the text are not shown: more were not read, or there is no room for them.` : ""}` })));
    if (again) node.querySelector(`input[value="${measure}"]`)?.focus();
  };
  const none = (says) => node.replaceChildren(el("section", { class: "card", "aria-labelledby": "lens-title" },
    el("h3", { id: "lens-title", text: "No layers to look at" }),
    el("p", { text: "This encoder is no stack of layers: a word has one vector here, the same in every text and at every place, and the text’s vector is made of those alone. What its words contribute is shown under Pair." }),
    says ? el("p", { class: "note", dir: "auto", text: says }) : ""));
  return {
    node,
    async show(ctx) {
      if (kept.ctx === ctx) { if (kept.found) draw(kept.found); return; }
      kept = { ctx, found: null };
      if (ctx.encoding?.layers === 0) { none(""); return; }
      try {
        const found = await app.api.post("/x/lens", { of: ctx.place, encoding: ctx.name }, { signal: ctx.signal });
        if (ctx.stale()) return;
        kept.found = found;
        draw(found);
      } catch (error) {
        kept = { ctx: null, found: null };
        if (error.code !== "no_layers") throw error;
        none(error.message);
      }
    },
  };
};
