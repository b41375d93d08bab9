// The whole corpus as a map: coloured, searched, selected; two encodings of it beside each other.
import { announce, count, counted, debounce, el } from "../kit.js";
import { chosenOf, choices, coloursOf, columnOf, legend } from "./map/colour.js";
import { none, stale } from "./map/missing.js";
import { lasso, picked, saidOf, stepped, stepsOf, stepsText } from "./map/picking.js";
import { link, marksOf, mostMoved, NEAR, Near } from "./map/pair.js";
import { Panel } from "./map/panel.js";
import { Sheet } from "./map/sheet.js";
import { Tools } from "./map/tools.js";

const V = { app: null, root: null, here: null, there: null, near: null, panel: null, tools: null, column: null, by: "group", lit: null, hits: [], turn: 0, touched: -1, asked: null };
const KEYS = [["← ↑ ↓ →", "move the map; with Shift farther", "map"], ["+ -", "zoom", "map"], ["0", "the whole map", "map"], ["Enter", "open the passage in the middle or under the pointer", "map"], ["l", "draw a lasso; again to move the map", "map"],
  ["s", "select what is in view", "map"], ["i", "invert the selection", "map"], ["Shift", "with a drag: a rectangle", "map"], ["Ctrl", "with a lasso: add to the selection; with Alt: take away", "map"]];

const sheets = () => [V.here, V.there].filter(Boolean);
const act = {
  hover: (sheet, row) => { follow(sheet, row); },
  press: (sheet, row, event) => press(sheet, row, event),
  drag: (sheet, event) => V.tools.tool(event),
  lassoed: (sheet, line, event) => choose({ kind: sheet === V.here ? "p" : "o", polygon: lasso(line, 1 / sheet.plane.s) }, V.tools.how(event)),
  keys: (sheet) => ({
    Enter: () => open(sheet, sheet.plane.mark >= 0 ? sheet.plane.mark : sheet.plane.rowAt(sheet.plane.width / 2, sheet.plane.height / 2, 60)),
    Escape: () => (V.app.state.sel ? act.clear() : sheet.plane.whole()),
    l: () => V.tools.turn(), i: () => act.invert(), s: () => act.seen(sheet),
  }),
  point: (sheet, row) => { sheet.point(row); },
  region: (number, event) => {
    const step = { kind: "g", group: number }, same = V.app.state.sel === stepsText([{ ...step, how: "a" }]);
    if (!same) { V.zoomTo = number; choose(step, V.tools.how(event)); } else act.clear();
  },
  // What can be seen, as a rectangle.
  seen: (sheet, event) => {
    const { plane } = sheet, [left, top] = plane.under(0, 0), [right, low] = plane.under(plane.width, plane.height);
    choose({ kind: sheet === V.here ? "p" : "o", polygon: [[left, top], [right, top], [right, low], [left, low]].map((corner) => corner.map(Math.round)) }, V.tools.how(event));
  },
  clear: () => { V.app.go({ sel: "" }); V.here.canvas.focus({ preventScroll: true }); announce("Nothing is selected"); },
  invert: () => { if (V.app.state.sel) V.app.go({ sel: `${V.app.state.sel}*i`.replace(/\*i\*i$/, "") }); },
  tagged: async () => {
    for (const one of sheets()) { one.columns.delete("tags"); one.rows.forget(); }
    await about();
    if (V.by === "tags") await recolour(); else V.tools.furnish();
  },
  within: (name) => V.app.go({ view: "search", tag: name }),
  trouble: (error) => V.tools.say(error.message, true),
};
// What can be shown has changed.
const about = async () => { V.here.facts = await V.app.api.get("/x/map", { encoding: V.here.encoding }); };
const choose = (step, how) => V.app.go({ sel: stepsText(stepped(stepsOf(V.app.state.sel), step, how)) });
const open = async (sheet, row) => {
  if (row < 0) return;
  const one = await sheet.rows.one(row).catch(act.trouble);
  if (one) V.app.open({ id: one.id, span: one.span });
};
// A finger has no hover: its first touch shows a passage, its second one opens it.
const press = (sheet, row, event) => {
  if (event.pointerType === "touch" && V.touched !== row) {
    const box = sheet.canvas.getBoundingClientRect();
    V.touched = row;
    sheet.point(row, event.clientX - box.left, event.clientY - box.top);
    return;
  }
  open(sheet, row);
};

// The same passage on the other map, and the neighbours of both.
const wait = debounce((sheet, row) => neighbours(sheet, row), 90);
const follow = (sheet, row) => {
  if (!V.there) return;
  const other = sheet === V.here ? V.there : V.here, twin = row < 0 ? -1 : (sheet === V.here ? V.here.forth : V.there.back)[row];
  other.plane.mark = twin;
  if (row < 0) { wait.stop(); mark(null); } else wait(sheet, row);
  other.plane.ask(false);
};
const mark = (found) => {
  const both = found ? marksOf(found) : [[], []];
  sheets().forEach((one, side) => { one.marks = both[side]; one.plane.ask(false); });
  V.tools.kept(found);
  // The names step back while one points, and come again when one has stopped.
  clearTimeout(V.calm);
  if (found) V.panes.classList.add("pointing"); else V.calm = setTimeout(() => V.panes.classList.remove("pointing"), 600);
  V.root.dataset.near = found ? `${found.kept.length} ${found.lost.length} ${found.fresh.length}` : "";
};
const neighbours = async (sheet, row) => {
  const { here, there } = V, from = sheet === here ? row : there.back[row];
  if (from < 0) { mark(null); V.tools.say(`This passage is not in ${here.encoding}.`); return; }
  const found = await V.near.of(here, there, from).catch(act.trouble);
  if (found && V.there === there && sheet.plane.mark === row) mark(found);
};

// What the colours can depend on; scores for words need an encoder of queries.
const asked = (app) => ({ ...app.state, scored: Boolean(app.state.like || (app.state.q && app.encoding()?.queries !== false)) });
// Colours: of the first map's column, and the same rows in the same colours on the other.
const recolour = async () => {
  const { app, here } = V, turn = ++V.turn, by = chosenOf(here.facts, asked(app));
  try {
    const column = await columnOf(here, by, app.state);
    if (turn !== V.turn || here !== V.here) return;
    Object.assign(V, { column, by });
  } catch (error) {
    if (turn !== V.turn) return;
    V.tools.missing(error, by);
    if (error.code !== "no_moves") throw error;
    Object.assign(V, { column: await here.column("group"), by: "group" });
  }
  V.tools.furnish();
  paint();
};
const paint = () => {
  const { here, there, column } = V;
  here.plane.colour = coloursOf(column, here.plane.faint);
  here.tinted = V.by === "group";
  if (there) {
    const nothing = coloursOf({ of: new Int8Array([-1]) }, there.plane.faint)[0];
    there.plane.colour = Uint32Array.from(there.back, (row) => (row < 0 ? nothing : here.plane.colour[row]));
    there.tinted = false;
  }
  for (const one of sheets()) { one.named = ""; one.plane.ask(); }
  legends();
};
const legends = () => {
  const steps = stepsOf(V.app.state.sel), pressed = (number) => steps.some((one) => one.kind === "k" && one.how === "a" && one.column === V.by && one.number === number);
  V.tools.legend(legend(V.column, V.by, { pressed, choose: (number, event) => {
    if (pressed(number) && steps.length === 1) act.clear(); else choose({ kind: "k", number, column: V.by }, V.tools.how(event));
  } }));
};

const rowsOf = (lit) => {
  const out = new Int32Array(lit.reduce((sum, one) => sum + one, 0));
  let at = 0;
  for (let row = 0; row < lit.length; row++) if (lit[row] === 1) out[at++] = row;
  return out;
};
const select = async () => {
  const { here, there, app } = V, { sel } = app.state, steps = stepsOf(sel), lit = await picked(steps, here, there), name = await saidOf(steps, here);
  if (here !== V.here || app.state.sel !== sel) return;
  V.lit = lit;
  V.name = name;
  here.plane.lit = lit;
  if (there) there.plane.lit = lit && Uint8Array.from(there.back, (row) => (row >= 0 ? lit[row] : 0));
  const alone = steps.length === 1 && steps[0].kind === "g" ? here.facts.groups.findIndex((one) => one.number === steps[0].group) : -1;
  here.chosen = alone;
  V.rows = lit && rowsOf(lit);
  if (V.zoomTo !== undefined && lit) {
    here.frame(V.rows);
    V.panes.scrollIntoView({ block: "nearest" });
  }
  V.zoomTo = undefined;
  V.tools.chosen(Boolean(lit));
  for (const one of sheets()) { one.named = ""; one.plane.ask(); }
  if (lit) announce(`${counted(V.rows.length, "passage")} selected`);
};

const seek = async () => {
  const { here, app } = V, { q, like, mode, w, where, tag } = app.state;
  V.asked = new AbortController();
  let found = null;
  if (q || like) {
    const body = { ...(like ? { like: { id: like } } : { query: q }), k: Math.min(100, app.space.limits?.k ?? 50), encoding: here.encoding, mode: mode ?? (app.encoding().queries === false && !like ? "lexical" : undefined), weight: w === undefined || (mode && mode !== "hybrid") ? undefined : Number(w), where: where ? [where] : undefined, tag };
    try { found = await app.api.post("/x/search", body, { signal: V.asked.signal }); } catch (error) {
      if (error.name === "AbortError") return;
      V.tools.say(error.message, true);
    }
  }
  if (here !== V.here || q !== app.state.q || like !== app.state.like) return;
  V.found = found;
  V.hits = (found?.hits ?? []).filter((one) => Number.isInteger(one.row) && one.row >= 0 && one.row < here.n);
  here.plane.hits = V.hits.map((one) => one.row);
  if (V.there) V.there.plane.hits = here.plane.hits.map((row) => V.here.forth[row]).filter((row) => row >= 0);
  for (const one of sheets()) one.plane.ask(false);
};

// The lists beside the map, as the state has them.
const list = (want) => {
  const { here, there, panel, lit, column, by } = V, alone = here.n - here.facts.groups.reduce((sum, one) => sum + one.n, 0);
  const parts = { regions: { head: counted(here.facts.groups.length, "region"), make: () => panel.regions(here, alone) } };
  if (lit) parts.selected = { head: `${counted(V.rows.length, "passage")} selected`, many: V.rows.length, make: () => panel.selected(here, { rows: V.rows, lit, name: V.name, column, by: V.tools.named(by) }) };
  if (V.found) {
    const score = new Map(V.hits.map((one) => [one.row, one.score]));
    parts.found = { head: V.hits.length ? `The ${count(V.hits.length)} best for ${V.app.state.like ? "what is like it" : `“${V.app.state.q}”`}` : `Nothing for “${V.app.state.q ?? ""}”`, many: V.hits.length,
      make: () => panel.list(here, V.hits.map((one) => one.row), (row) => `score ${score.get(row).toFixed(3)}`) };
  }
  if (by === "moved" && there) {
    const moved = mostMoved(column.share, lit), said = (row) => `lost ${Math.round(column.share[row] * NEAR)} of ${NEAR} neighbours`;
    parts.moved = { head: "What moved most", make: () => [el("p", { class: "note pad", text: `${column.says ?? ""} Passages by how many of their ${NEAR} nearest neighbours in ${here.encoding} are not among those in ${there.encoding}.${lit ? " Of the selected ones." : ""}` }), ...panel.list(here, moved, said)] };
  }
  panel.set(parts, want ?? (parts[panel.shown] ? panel.shown : "regions"));
};

const openThere = async () => {
  const { app, here } = V, name = app.state.other;
  V.there?.node.remove();
  V.there = null;
  V.tools.missing(null);
  if (!name || name === here.encoding || !app.space.encodings.some((one) => one.name === name)) return;
  try {
    if (app.space.encodings.find((one) => one.name === name).map === false) throw Object.assign(new Error(), { code: "no_map" });
    const there = await Sheet.open(app, name, act);
    await link(here, there);
    if (app.state.other !== name || V.here !== here) return;
    V.there = there;
    V.panes.append(there.node);
    there.groups = (await there.column("group")).of;
    there.plane.hits = here.plane.hits.map((row) => here.forth[row]).filter((row) => row >= 0);
  } catch (error) {
    if (error.code === "no_map") V.tools.missing(error, "other"); else throw error;
  }
};
const openHere = async () => {
  const { app } = V, encoding = app.encoding()?.name;
  for (const one of sheets()) one.node.remove();
  Object.assign(V, { here: null, there: null, found: null, hits: [], lit: null });
  V.near = new Near(app);
  if (app.encoding()?.map === false) throw Object.assign(new Error(), { code: "no_map" });
  const here = await Sheet.open(app, encoding, act);
  if (app.encoding()?.name !== encoding) return false;
  V.empty?.remove();
  V.here = here;
  V.space.hidden = V.tools.node.hidden = false;
  V.panes.prepend(here.node);
  here.groups = (await here.column("group")).of;
  here.plane.resize();
  here.plane.moved = keep;
  return true;
};
const again = async () => { await V.app.refresh(); V.here?.node.remove(); V.here = null; await view.update(V.app.state, new Set(["enc"])); };

// Where one is on the map stands in the URL, without a step for "back" each time.
const settled = debounce(() => {
  if (!V.here || V.app.state.view !== "map") return;
  const { plane } = V.here, [mx, my] = plane.middle;
  V.at = plane.depth > 1.001 ? { mx: String(Math.round(mx)), my: String(Math.round(my)), mz: plane.depth.toFixed(2) } : { mx: "", my: "", mz: "" };
  V.app.go({ ...V.at, row: "" }, { replace: true });
}, 220);
const keep = () => settled();
const place = ({ mx, my, mz }) => {
  if (V.at && (mx ?? "") === V.at.mx && (my ?? "") === V.at.my && (mz ?? "") === V.at.mz) return;
  if ([mx, my, mz].every((one) => Number.isFinite(Number.parseFloat(one)))) V.here.plane.goTo(Number(mx), Number(my), Number(mz)); else V.here.plane.whole();
};

// A passage that another view points at: in the middle, with its tip.
const pointAt = (row) => {
  const { here } = V, { plane } = here;
  if (!Number.isInteger(row) || row < 0 || row >= here.n) return;
  plane.goTo(plane.x[row], plane.y[row], Math.max(plane.depth, 8));
  here.middle(row);
};

const view = {
  name: "map", title: "Map",
  mount(root, app) {
    Object.assign(V, { app, root });
    V.panel = new Panel({ app, ...act });
    V.tools = new Tools(app, { choices: () => choices(V.here.facts, asked(app)), by: () => V.by, sheets, there: () => V.there, again: async () => { await about(); return view.update(app.state, new Set(["other", "by"])); }, here: () => V.here, seen: (event) => act.seen(V.here, event) });
    V.panes = el("div", { class: "panes" });
    V.space = el("div", { class: "mapspace", hidden: true }, el("h1", { class: "unseen", text: "Map" }), el("div", { class: "ground" }, V.panes, V.tools.under), V.panel.node);
    V.tools.node.hidden = true;
    root.append(V.tools.node, V.space);
    app.help.push(...KEYS);
    document.addEventListener("keydown", (event) => {
      const away = root.hidden || !V.here || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (!away && "lis".includes(event.key)) { event.preventDefault(); act.keys(V.here)[event.key](); }
    });
    const tint = () => { for (const one of sheets()) one.tint(); if (V.column) { paint(); list(); } };
    document.addEventListener("theme", tint);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tint);
  },
  // One change after the other; a search that nobody waits for any more is given up.
  update(state, changed) {
    if (changed.has("q") || changed.has("like")) V.asked?.abort();
    V.queue = (V.queue ?? Promise.resolve()).catch(() => null).then(() => view.follow(V.app.state, changed));
    return V.queue;
  },
  async follow(state, changed) {
    const { root, app } = V, has = (...keys) => keys.some((key) => changed.has(key)), fresh = !V.here || V.here.encoding !== app.encoding()?.name;
    if (fresh) {
      delete root.dataset.viewReady;
      try { if (!(await openHere())) return; } catch (error) {
        if (error.code !== "no_map") throw error;
        V.space.hidden = V.tools.node.hidden = true;
        V.empty?.remove();
        V.empty = none(app, error, again);
        root.append(V.empty);
        root.dataset.viewReady = "map";
        return;
      }
    }
    if (fresh || has("other")) { await openThere(); V.tools.stale(sheets().filter((one) => one.facts.stale).map((one) => stale(app, one.facts, again))); }
    if (fresh || has("mx", "my", "mz")) place(state);
    if (state.row && (fresh || has("row"))) pointAt(Number(state.row));
    if (fresh || has("sel", "other")) await select();
    if (fresh || has("by", "other") || (has("q", "like") && (state.by === "score" || V.by === "score"))) await recolour(); else if (has("q", "like", "sel")) { V.tools.furnish(); legends(); }
    const asks = fresh || has("q", "like", "mode", "w", "where", "tag");
    if (asks) await seek();
    if (asks || has("sel", "by", "other")) list(has("sel") && state.sel ? "selected" : has("by", "other") && V.by === "moved" ? "moved" : has("q", "like") && (state.q || state.like) ? "found" : undefined);
    app.title("Map");
    root.dataset.viewReady = "map";
  },
};
export default view;
