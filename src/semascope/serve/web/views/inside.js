// Inside: one vector looked into, as concepts, dials, layers and pairs.
import { announce, busy, byId, el, slice, trouble } from "../kit.js";
import { concepts } from "./inside/concepts.js";
import { dials } from "./inside/dials.js";
import { lens } from "./inside/lens.js";
import { pair } from "./inside/pair.js";
import { placeOf } from "./inside/places.js";
import { subject } from "./inside/subject.js";

const PARTS = [["concepts", "Concepts", concepts], ["dials", "Dials", dials], ["lens", "Layers", lens], ["pair", "Pair", pair]];

let app, root, head, panels, tabs, panel, failed, ctx = null, aborter = null, shown = "";

const partNow = () => (PARTS.some(([name]) => name === app.state.part) ? app.state.part : app.state.pair ? "pair" : "concepts");
// What is looked into: what was chosen, else what the search box has.
const placeNow = (state) => placeOf(state.of, state.passage)
  ?? (state.like ? placeOf(`id:${state.like}`) : null) ?? (state.q?.trim() ? { query: state.q.trim() } : null);

const tabList = () => {
  const list = el("div", { class: "parts", role: "tablist", "aria-label": "Parts" }, ...PARTS.map(([name, title]) => el("button", { type: "button", role: "tab", id: `part-${name}`, "aria-controls": "inside-panel", "data-part": name, text: title,
    onclick: () => app.go({ part: name === "concepts" && !app.state.pair ? "" : name }) })));
  list.addEventListener("keydown", (event) => {
    const all = [...list.children], at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    next.focus();
    next.click();
  });
  return list;
};
const markTabs = (part) => {
  for (const one of tabs.children) {
    const on = one.dataset.part === part;
    one.setAttribute("aria-selected", String(on));
    one.tabIndex = on ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", `part-${part}`);
};

// All that the parts need to know of one vector. Made anew for each; an older one is stale and its requests end.
const look = async (place) => {
  aborter?.abort();
  aborter = new AbortController();
  const { signal } = aborter, encoding = app.encoding();
  const name = encoding?.name;
  let text = place.text ?? place.query ?? "", document = null, span = null;
  if (place.id !== undefined) {
    document = await app.api.get("/x/document", { id: place.id, encoding: name }, { signal });
    const wanted = place.span;
    // Without a passage chosen it is all of the document: the mean of its passages' vectors.
    span = (wanted && (document.passages ?? []).some((each) => each.start === wanted[0] && each.stop === wanted[1])) ? wanted : null;
    text = span ? slice(document.text, ...span) : document.text;
  }
  const exact = document ? (span ? { id: place.id, span } : { id: place.id }) : place;
  const features = app.api.post("/x/features", { of: exact, encoding: name, words: 30 }, { signal });
  features.catch(() => null);
  const made = { place: exact, encoding, name, text, document, span, features, signal, titles: new Map(), groups: null, words: null };
  made.stale = () => signal.aborted || ctx !== made;
  made.again = () => refresh(true);
  return made;
};

const drawPart = async (fresh) => {
  const part = partNow(), one = panels[part];
  markTabs(part);
  if (shown !== part) { panels[shown]?.leave?.(); panel.replaceChildren(one.node); shown = part; }
  const done = busy(panel);
  const mine = ctx;
  try {
    await one.show(mine, fresh || one.seen !== mine);
    one.seen = mine;
    if (!mine.stale()) failed.replaceChildren();
  } catch (error) {
    if (mine.stale() || error.name === "AbortError") return;
    one.seen = null;
    failed.replaceChildren(trouble(error, () => refresh(true)));
  } finally {
    if (ctx === mine) { done(); root.dataset.viewReady = "inside"; }
  }
};

let last = "";
const refresh = async (again = false) => {
  const place = placeNow(app.state), name = app.encoding()?.name, key = place ? JSON.stringify([place, name]) : "";
  root.querySelector(".inside-body").hidden = !place;
  if (!place) {
    aborter?.abort();
    [ctx, last] = [null, ""];
    head.empty();
    failed.replaceChildren();
    root.dataset.viewReady = "inside";
    return;
  }
  app.title(`Inside ${place.id ?? place.text ?? place.query}`.slice(0, 80));
  const fresh = again || key !== last;
  if (fresh) {
    last = key;
    try {
      const made = await look(place);
      if (key !== last) return;
      ctx = made;
      failed.replaceChildren();
      head.show(ctx);
    } catch (error) {
      if (error.name === "AbortError" || key !== last) return;
      [last, ctx] = ["", null];
      root.querySelector(".inside-body").hidden = true;
      head.empty();
      failed.replaceChildren(trouble(error, () => refresh(true)));
      root.dataset.viewReady = "inside";
      return;
    }
  }
  if (ctx) await drawPart(fresh);
};

export default {
  name: "inside",
  title: "Inside",
  mount(given, shell) {
    [root, app] = [given, shell];
    head = subject(app);
    tabs = tabList();
    panel = el("div", { class: "panel", id: "inside-panel", role: "tabpanel" });
    failed = el("div", { class: "failed" });
    panels = Object.fromEntries(PARTS.map(([name, , make]) => [name, make(app)]));
    root.append(el("h1", { class: "unseen", text: "Inside" }), head.node, failed, el("div", { class: "inside-body", hidden: true }, tabs, panel));
    app.help?.push(["← →", "from part to part, from word to word, from cell to cell", "inside"]);
  },
  update(state, changed) {
    // Whoever types in the search box wants to look into that.
    if (changed.has("q") && state.q && state.of && document.activeElement === byId("q")) {
      announce("Looking into the query");
      return app.go({ of: "", passage: "", like: "" }, { replace: true });
    }
    // Links from elsewhere name a passage as they do where a document is opened.
    if (state.of && state.span && !state.doc) return app.go({ passage: state.span, span: "" }, { replace: true });
    return refresh();
  },
};
