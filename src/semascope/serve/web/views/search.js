// The Search view: what is asked stands in the address; this draws the answer and what can be asked next.
import { announce, busy, byId, count, counted, debounce, dialog, dialsOf, dialsText, el, figure, icon, percent, shorten, strength, trouble } from "../kit.js";
import { Filters } from "./search/filters.js";
import { hitItem, light } from "./search/hit.js";
import { home, nothing } from "./search/home.js";
import { explain, recall } from "./search/lighting.js";
import { copyLink, saveMenu } from "./search/save.js";
import { read, said, write } from "./search/where.js";

const STEP = 10, REMEMBERED = 30, FRESH = 60_000; // answers are kept for a minute: going back shows them at once
const MODES = [["hybrid", "Both", "By meaning and by words"], ["dense", "Meaning", "By meaning: nearest vectors"], ["lexical", "Words", "By the words of the query"], ["exact", "Exact", "By meaning, every passage compared in full"]];
const ASKING = ["q", "like", "mode", "w", "where", "tag", "k", "enc", "dials"];
const V = { answers: new Map(), last: null, hits: [], number: 0 };

const wordsOnly = () => V.app.encoding()?.queries === false && !V.app.state.like;
const modeOf = (state) => state.mode ?? (wordsOnly() ? "lexical" : state.like ? "dense" : "hybrid");
const kOf = (state) => Math.max(1, Math.min(V.app.space.limits?.k ?? 100, Number.parseInt(state.k, 10) || STEP));
const bodyOf = (state) => ({
  ...(state.like ? { like: { id: state.like } } : { query: state.q }), k: kOf(state), mode: state.mode ?? (wordsOnly() ? "lexical" : undefined),
  weight: state.w === undefined || modeOf(state) !== "hybrid" ? undefined : Number(state.w), where: state.where ? [state.where] : undefined,
  tag: state.tag, encoding: state.enc, dials: state.dials ? dialsOf(state.dials) : undefined });

// The largest share of any word shown: it is lit the most, so that shades compare across hits.
const topOf = (hits, found) => hits.reduce((most, hit) => (found(hit)?.words ?? []).concat(found(hit)?.title ?? []).reduce((one, word) => Math.max(one, word.share), most), 0);
// What a hit's drawing needs to know of the whole answer.
const context = (state, answer) => {
  const encoding = V.app.encoding()?.name ?? "", found = (hit) => (lights(state) ? recall(state, encoding, hit) : undefined), mode = answer.mode || modeOf(state);
  return { app: V.app, state, conditions: read(state.where) ?? [], best: Math.max(0, ...answer.hits.map((hit) => hit.score)), top: topOf(answer.hits, found), found, rank: (name) => V.filters.rank(name),
    mixed: mode === "hybrid", explains: lights(state), missing: V.missing ?? "",
    scale: mode === "hybrid" ? "Meaning and words joined." : mode === "lexical" ? "BM25." : "Cosine." };
};
const lights = (state) => modeOf(state) !== "lexical" && !wordsOnly();

const parts = () => {
  const modes = el("fieldset", { class: "modes" }, el("legend", { class: "unseen", text: "Search by" }), ...MODES.map(([value, text, title]) => el("label", { title }, el("input", { type: "radio", name: "mode", value, onchange: () => V.app.go({ mode: value === "hybrid" ? "" : value, k: "" }) }), el("span", { text }))));
  const slide = el("input", { type: "range", min: 0, max: 1, step: 0.05, id: "weight", "aria-label": "How much words count, against meaning", oninput: () => weigh(), onchange: () => weigh.now() });
  const weigh = debounce(() => V.app.go({ w: Number(slide.value) === 0.5 ? "" : slide.value }, { replace: true }), 120);
  const weight = el("label", { class: "weight note" }, el("span", { text: "meaning" }), slide, el("span", { text: "words" }));
  const filterButton = el("button", { type: "button", class: "quiet filter-button", "aria-label": "Filters", onclick: sheet }, icon("filter"), el("span", { class: "says", text: "Filters" }), el("span", { class: "num" }));
  const head = el("div", { class: "found" }, el("p", { class: "note", id: "found" }), el("div", { class: "acts" }, copyLink(), saveMenu(V.app, () => ({ ids: V.hits.map((hit) => hit.id) }))));
  return { modes, slide, weight, filterButton, head, chips: el("div", { class: "row active" }), legend: el("p", { class: "legend note", hidden: true }), notes: el("div", { class: "notes note" }), hits: el("ol", { class: "hits", "aria-label": "Results" }), under: el("div", { class: "under" }), bar: el("div", { class: "bar" }, modes, weight, filterButton) };
};

// On narrow windows the filters come as a sheet; they are the same filters, carried over and back.
const sheet = () => {
  const done = el("button", { type: "button", class: "main", text: "Show results", onclick: () => box.close() });
  const box = dialog("Filters", [V.filters.node, el("p", { class: "done" }, done)], { kind: "sheet", onclose: () => V.rail.append(V.filters.node) });
};

const chip = (inside, href, says) => el("span", { class: "chip on" }, ...inside, el("button", { type: "button", "aria-label": `Remove ${says}`, onclick: () => V.app.go(href) }, icon("close")));
const activeChips = (state) => {
  const conditions = read(state.where), out = [];
  if (conditions === null) out.push(chip([el("code", { text: shorten(state.where, 60) })], { where: "", k: "" }, "the conditions"));
  for (const one of conditions ?? []) {
    const [field, how, value] = said(one);
    out.push(chip([el("b", { text: `${field} ${how}` }), el("bdi", { text: shorten(value, 40) })], { where: write(conditions.filter((each) => each !== one)), k: "" }, `${field} ${how} ${value}`));
  }
  if (state.tag) out.push(chip([icon("tag"), el("bdi", { text: state.tag })], { tag: "", k: "" }, `the tag ${state.tag}`));
  for (const one of dialsOf(state.dials)) {
    const name = one.text ?? one.id ?? `group ${one.group}`;
    out.push(chip([el("b", { text: "turned by" }), el("bdi", { text: shorten(String(name), 30) }), el("span", { class: "num", text: `${one.amount > 0 ? "+" : ""}${figure(one.amount, 1)}` })], { dials: dialsText(dialsOf(state.dials).filter((each) => JSON.stringify(each) !== JSON.stringify(one))) }, `the dial ${name}`));
  }
  V.parts.chips.replaceChildren(...out);
  if (out.length > 1) V.parts.chips.append(el("button", { type: "button", class: "quiet", text: "Remove all", onclick: () => V.app.go({ where: "", tag: "", dials: "", k: "" }) }));
  const many = (conditions?.length ?? Number(Boolean(state.where))) + Number(Boolean(state.tag));
  V.parts.filterButton.lastChild.textContent = many ? String(many) : "";
  V.parts.filterButton.setAttribute("aria-label", many ? `Filters: ${many} on` : "Filters");
};
const controls = (state) => {
  const mode = modeOf(state);
  for (const input of V.parts.modes.querySelectorAll("input")) { input.checked = input.value === mode; input.disabled = (wordsOnly() && input.value !== "lexical") || (Boolean(state.like) && ["hybrid", "lexical"].includes(input.value)); }
  V.parts.weight.hidden = mode !== "hybrid";
  if (document.activeElement !== V.parts.slide) V.parts.slide.value = state.w ?? 0.5;
  V.parts.bar.hidden = false;
  activeChips(state);
  V.filters.update(state);
  likeChip(state);
};
const likeChip = (state) => {
  const box = byId("like");
  box.hidden = !state.like;
  if (!state.like) return;
  const title = V.titles.get(state.like) ?? state.like;
  box.title = `More like ${title}`;
  box.replaceChildren(el("span", {}, el("b", { text: "like: " }), el("bdi", { text: title })), el("button", { type: "button", "aria-label": "No longer like this document", onclick: () => { V.app.go({ like: "", k: "" }); byId("q").focus(); } }, icon("close")));
  if (V.titles.has(state.like)) return;
  V.titles.set(state.like, state.like);
  V.app.api.get("/x/document", { id: state.like }).then((found) => { V.titles.set(found.id, found.title || found.id); likeChip(V.app.state); }).catch(() => null);
};

// Results, or what stands in their place.
const place = (...nodes) => { V.before?.stop?.(); V.before = null; V.parts.under.replaceChildren(...nodes); };
const bare = () => { V.hits = []; V.last = null; V.parts.hits.replaceChildren(); V.parts.notes.replaceChildren(); V.parts.head.hidden = true; V.parts.legend.hidden = true; };
const readOut = debounce((text) => announce(text), 500);
const how = (state, answer) => {
  const many = answer.hits.length, all = kOf(state) > many;
  const first = `${all ? counted(many, "result") : `The ${count(many)} best`}${state.q ? ` for “${shorten(state.q, 48)}”` : ""}`;
  return [first, answer.mode ? { hybrid: "by meaning and words", dense: "by meaning", lexical: "by words", exact: "by meaning, exactly" }[answer.mode] : null, answer.seconds === undefined ? null : `${count(Math.max(1, Math.round(1000 * answer.seconds)))} ms`].filter(Boolean);
};
const draw = (state, answer, { grown = false } = {}) => {
  const had = document.activeElement?.closest?.(".hit")?.dataset.id, ctx = context(state, answer), { hits } = V.parts;
  V.ctx = ctx;
  V.hits = answer.hits;
  V.last = { state, answer };
  for (const hit of answer.hits) V.titles.set(hit.id, hit.title || hit.id);
  hits.replaceChildren(...answer.hits.map((hit, at) => hitItem(hit, at, ctx)));
  V.parts.head.hidden = !answer.hits.length;
  const [first, ...rest] = how(state, answer);
  byId("found").replaceChildren(first, el("span", { class: "wide", text: rest.map((one) => ` · ${one}`).join("") }));
  V.parts.notes.replaceChildren(answer.note ? el("p", { text: answer.note }) : "", answer.steered ? el("p", { text: `Turned by dials: cosine with the query as it was ${figure(answer.steered.cosine)}; ${percent(answer.steered.kept)} of its best ${kOf(state)} are still here.` }) : "");
  if (!answer.hits.length) place(nothing(V.app, ctx.conditions, state));
  else {
    const most = V.app.space.limits?.k ?? 100, k = kOf(state), next = Math.min(most, k + STEP);
    place(answer.hits.length >= k && next > k ? el("button", { type: "button", class: "more", text: `Show ${next - k} more`, onclick: () => V.app.go({ k: next }, { replace: true }) }) : answer.hits.length >= most ? el("p", { class: "note", text: `${count(most)} is the most this server gives at once: narrow the search by filters.` }) : "");
  }
  if (V.first && hits.firstChild) hits.querySelector("a.open").focus();
  else if (had) [...hits.children].find((item) => item.dataset.id === had)?.querySelector("a.open").focus({ preventScroll: true });
  else if (grown) hits.children[grown]?.querySelector("a.open").focus();
  V.first = false;
  legend(state, ctx, lights(state) ? null : false);
  readOut(answer.hits.length ? `${how(state, answer)[0]}. First: ${answer.hits[0].title || answer.hits[0].id}` : "Nothing was found");
};
const legend = (state, ctx, known) => {
  const box = V.parts.legend, swatch = (share) => el("mark", { style: { "--share": strength(share) }, text: "word" });
  box.hidden = !V.hits.length || (!known && !state.q && !lights(state));
  if (known === null) box.replaceChildren("lit: how much a word adds to the cosine …");
  else if (known) box.replaceChildren("lit: how much a word adds to the cosine ", swatch(0.25), " ", el("span", { class: "num", text: figure(ctx.top / 4) }), " ", swatch(1), " ", el("span", { class: "num", text: figure(ctx.top) }), el("span", { class: "wide", text: " · “Why” takes a score apart" }));
  else box.replaceChildren("lit: words of the query", V.missing ? ` (what each word adds is not known: ${V.missing})` : "");
};
const quiet = (signal) => new Promise((go, stop) => {
  const timer = setTimeout(go, 350);
  signal.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); }, { once: true });
});
const lighten = async (state, answer, signal) => {
  const items = [...V.parts.hits.children], { ctx } = V;
  V.missing = "";
  if (lights(state) && answer.hits.length) {
    try {
      // Where each word has to be left out in turn that is work: not for every letter typed.
      if (V.app.encoding()?.kind !== "static" && V.app.encoding()?.kind !== "hashing") await quiet(signal);
      await explain(V.app, state, answer.hits, { signal }); } catch (error) {
      if (error.name === "AbortError") return;
      V.missing = error.message;
    }
  }
  if (signal.aborted) return;
  const known = answer.hits.some((hit) => ctx.found(hit));
  Object.assign(ctx, { top: topOf(answer.hits, ctx.found), missing: V.missing });
  answer.hits.forEach((hit, at) => light(items[at], hit, ctx.found(hit), ctx));
  legend(state, ctx, known);
  V.parts.hits.dataset.lit = known ? "shares" : "words";
};

const ask = async (state, grown) => {
  const number = ++V.number, body = bodyOf(state), key = JSON.stringify(body);
  V.stop?.abort();
  V.stop = new AbortController();
  const { signal } = V.stop;
  delete V.parts.hits.dataset.lit;
  let { answer, at } = V.answers.get(key) ?? {}, done = () => {};
  if (!answer || performance.now() - at > FRESH) {
    done = busy(V.results);
    try { answer = await V.app.api.post(body.dials?.length ? "/x/steer" : "/x/search", body, { signal }); } catch (error) {
      if (error.name === "AbortError" || number !== V.number) { done(); return; }
      done();
      failed(error, state);
      return;
    }
    done();
    if (number !== V.number) return;
    V.answers.delete(key);
    V.answers.set(key, { answer, at: performance.now() });
    if (V.answers.size > REMEMBERED) V.answers.delete(V.answers.keys().next().value);
  }
  V.filters.refused("");
  draw(state, answer, { grown });
  V.root.dataset.viewReady = "search";
  await lighten(state, answer, signal);
};
const failed = (error, state) => {
  bare();
  V.root.dataset.viewReady = "search";
  // A condition that is not right is said beside the conditions; everything else where the results would be.
  if (error.param === "where" || /^where\b/.test(error.message)) {
    V.filters.refused(error.message);
    const short = el("div", { class: "none" }, el("h2", { text: "The conditions are not understood" }), el("p", { class: "narrow", text: error.message }), el("p", { class: "row" }, el("a", { class: "button", href: V.app.href({ where: "", k: "" }), text: "Search without them" })));
    place(short);
  } else place(trouble(error, () => { V.filters.refused(""); ask(state); }));
};

const rows = () => [...V.parts.hits.querySelectorAll("a.open")];
const keys = (event) => {
  if (V.root.hidden || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const links = rows(), at = links.findIndex((link) => link.closest(".hit").contains(document.activeElement)), box = byId("q");
  const field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  const to = (next) => { event.preventDefault(); links[next]?.focus(); links[next]?.closest(".hit").scrollIntoView({ block: "nearest" }); };
  if (event.target === box && event.key === "ArrowDown" && links.length) to(0);
  if (field) return;
  if (event.key === "j" || (event.key === "ArrowDown" && at >= 0)) to(Math.min(links.length - 1, at + 1));
  else if (event.key === "k" || (event.key === "ArrowUp" && at >= 0)) { if (at > 0) to(at - 1); else if (at === 0) { event.preventDefault(); box.focus(); } }
  else if (event.key === "m" && at >= 0) { event.preventDefault(); V.first = true; links[at].closest(".hit").querySelector("[data-like]").click(); }
};

export default {
  name: "search",
  title: "Search",
  mount(root, app) {
    Object.assign(V, { app, root, filters: new Filters(app), titles: new Map() });
    V.parts = parts();
    V.rail = el("aside", { class: "rail", "aria-label": "Filters" }, V.filters.node);
    V.results = el("div", { class: "results" }, V.parts.hits, V.parts.under);
    root.append(V.rail, el("div", { class: "middle" }, el("h1", { class: "unseen", text: "Search" }), V.parts.bar, V.parts.chips, V.parts.head, V.parts.legend, V.parts.notes, V.results));
    bare();
    document.addEventListener("keydown", keys);
    app.help.push(["j k", "next and previous result (also ↓ ↑)", "search"], ["Enter", "open the result in its context", "search"], ["m", "more like the result", "search"]);
    // Fields and tags come beside the first answer: nothing waits for them.
    V.known = Promise.all([app.api.get("/x/fields").then((got) => got.fields), app.api.get("/x/tags").then((got) => got.tags)].map((one) => one.catch(() => [])))
      .then(([fields, tags]) => { Object.assign(V.filters, { fields, tags }); root.classList.toggle("bare", !V.filters.any); V.filters.example(); V.filters.update(app.state); });
    document.addEventListener("tags", async () => { V.answers.clear(); V.filters.tags = (await app.api.get("/x/tags").catch(() => ({ tags: [] }))).tags; V.filters.update(app.state); if (!root.hidden && (app.state.q || app.state.like)) await ask(app.state); });
  },
  async update(state, changed) {
    const q = state.q || state.like;
    V.root.classList.toggle("idle", !q);
    V.app.title(state.q || (state.like ? `like: ${V.titles.get(state.like) ?? state.like}` : ""));
    controls(state);
    if (!ASKING.some((name) => changed.has(name)) && V.root.dataset.viewReady) return;
    if (q) { await ask(state, changed.size === 1 && changed.has("k") && V.hits.length < kOf(state) ? V.hits.length : 0); return; }
    V.number += 1;
    V.stop?.abort();
    bare();
    V.filters.refused("");
    V.parts.bar.hidden = true;
    await V.known;
    if (V.app.state.q || V.app.state.like) return;
    const first = home(V.app, V.filters.fields, { onready: () => { V.root.dataset.viewReady = "search"; } });
    place(first.node);
    V.before = first;
  },
};
