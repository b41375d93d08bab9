// Beside the map: the groups, or the rows that a search or a group leaves.
const V = { filter: null, query: "", manner: "both", rows: [], shown: 0 };
const lit = () => {
  const { kind, value } = V.filter ?? {};
  if (!kind) return null;
  const of = { group: D.of, label: D.label, lang: D.lang }[kind];
  const out = new Uint8Array(D.n);
  for (let row = 0; row < D.n; row++) out[row] = of[row] === value ? 1 : 0;
  return out;
};
const filterName = () => (V.filter ? { group: () => D.facts.groups[V.filter.value].name, label: () => D.facts.labels_names[V.filter.value], lang: () => D.facts.langs_names[V.filter.value] }[V.filter.kind]() : "");

const choose = (filter) => {
  V.filter = filter;
  if (!filter) { V.query = ""; byId("query").value = ""; }
  show();
};
// How many rows answer a query: by words all that hold them, by meaning the nearest, fewer of few.
const most = () => (V.manner === "words" ? 2000 : Math.min(200, Math.max(50, Math.round(D.n / 50))));
const show = () => {
  const within = lit();
  M.plane.hits = [];
  if (V.query) {
    const began = performance.now(), found = find(V.query, V.manner, most(), (row) => !within || within[row]);
    V.found = { ...found, ms: performance.now() - began };
    V.rows = found.rows;
    M.plane.hits = found.rows.slice(0, 30);
    const among = new Uint8Array(D.n);
    for (const row of found.rows) among[row] = 1;
    M.plane.lit = among;
  } else {
    M.plane.lit = within;
    V.found = null;
    V.rows = !V.filter ? [] : V.filter.kind === "group" ? ordered(V.filter.value, within) : [...within.keys()].filter((row) => within[row]);
  }
  byId("atlas").classList.toggle("asked", Boolean(V.query || V.filter));
  panel();
  legend(manners()[M.by]);
  ask();
};
// Rows of a group, the most typical first as far as the page knows that.
const ordered = (number, within) => {
  const first = D.facts.groups[number].first, known = new Set(first);
  const rest = [];
  for (let row = 0; row < D.n; row++) if (within[row] && !known.has(row)) rest.push(row);
  return [...first, ...rest];
};

const stability = (one) => (one.stability ? `${one.stable ? "found again" : "unstable:"} ${one.stability[0].toFixed(2)} [${one.stability[1].toFixed(2)}, ${one.stability[2].toFixed(2)}]` : "");
const groupItem = (one, at) => el("li", { class: one.stable ? "group" : "group shaky" },
  el("button", { type: "button", onclick: () => { choose({ kind: "group", value: at }); byId("panel-title").focus(); } },
    el("b", {}, el("span", {}, el("span", { class: "dot", style: { background: css(hue(at)) } }), one.name), el("span", { text: count(one.n) })),
    el("span", { class: "words", text: one.words.slice(3, 10).join(", ") }),
    el("span", { class: "bar", "aria-hidden": "true" }, el("i", { style: { width: percent(one.stability[0], 1) } }),
      el("u", { style: { left: percent(one.stability[1], 1), width: percent(Math.max(0.004, one.stability[2] - one.stability[1]), 1) } })),
    el("span", { class: "meta" }, one.stable ? stability(one) : el("em", { text: stability(one) }), ` · ${percent(one.n / D.n, 1)} of rows`)));

const rowItem = (row, words = [], score = null) => el("li", {}, el("button", { type: "button", onclick: () => showRow(row),
  onfocus: () => mark(row), onmouseenter: () => mark(row) },
  el("span", { class: "text", dir: "auto" }, ...marked(shorten(textOf(row), 400), words)),
  el("span", { class: "meta", text: metaOf(row) + (score === null ? "" : ` · ${score.toFixed(2)}`) })));
const marked = (text, words) => {
  if (!words.length) return [text];
  const lower = text.toLowerCase(), spans = [];
  if (lower.length !== text.length) return [text];
  for (const word of new Set(words)) {
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + word.length)) {
      // Words that begin as one of four letters or more does are forms of it; a shorter one has to stand alone.
      const begins = at === 0 || !letter.test(lower[at - 1]), ends = !letter.test(lower[at + word.length] ?? " ");
      if ((begins && (ends || word.length > 3)) || unspaced.test(word)) spans.push([at, at + word.length]);
    }
  }
  spans.sort((a, b) => a[0] - b[0]);
  const out = [];
  let done = 0;
  for (const [from, to] of spans) {
    if (from < done) continue;
    out.push(text.slice(done, from), el("mark", { text: text.slice(from, to) }));
    done = to;
  }
  return [...out, text.slice(done)];
};

const panel = () => {
  const box = byId("panel-list"), head = byId("panel-head");
  const title = (text) => el("h2", { id: "panel-title", tabindex: "-1", text });
  V.shown = 0;
  if (!V.query && !V.filter) {
    const f = D.facts, none = f.alone;
    head.replaceChildren(title(counted(f.groups.length, "group")), el("p", { class: "note", text: "Named by words that stand out in them. “Found again”: the share that comes back when rows are drawn anew, 95% interval." }));
    box.replaceChildren(...f.groups.map(groupItem), none ? el("li", { class: "note", style: { padding: ".6rem .9rem" }, text: `${counted(none, "row")} in no group` }) : "");
    return;
  }
  const all = el("button", { type: "button", text: "← All groups", onclick: () => { choose(null); byId("panel-title").focus(); } });
  const save = el("button", { type: "button", text: "Download CSV", "aria-label": "Download these rows as CSV", onclick: saveRows });
  const group = V.filter?.kind === "group" ? D.facts.groups[V.filter.value] : null;
  const notes = [];
  if (V.query) {
    const { rows, unknown, ms, words } = V.found, within = V.filter ? ` within “${filterName()}”` : "";
    const said = rows.length ? `${V.manner !== "words" || rows.length === most() ? `The ${count(rows.length)} best rows` : counted(rows.length, "row")} for “${V.query}”${within}` : `Nothing for “${V.query}”${within}`;
    head.replaceChildren(title(said));
    if (unknown.length && words.length) notes.push(`Not known here: ${unknown.join(", ")}.`);
    announce(`${said}. ${notes.join(" ")}`);
    V.ms = ms;
  } else {
    head.replaceChildren(title(filterName()));
    notes.push(`${counted(V.rows.length, "row")}, ${percent(V.rows.length / D.n, 1)} of all.`);
    if (group) notes.push(`${group.stable ? "Stable" : "Unstable"}: ${stability(group)}. ${group.words.slice(3, 14).join(", ")}`);
    if (group?.labels?.length) notes.push(`Labels: ${group.labels.map(([name, size]) => `${name} ${percent(size / group.n)}`).join(", ")}.`);
    announce(`${filterName()}: ${counted(V.rows.length, "row")}`);
  }
  head.append(...notes.map((text) => el("p", { class: "note", text })), el("div", { class: "row" }, all, V.rows.length ? save : ""));
  box.replaceChildren();
  more();
  box.scrollTop = 0;
};
const more = () => {
  const box = byId("panel-list");
  box.querySelector("li.more")?.remove();
  const next = V.rows.slice(V.shown, V.shown + 40);
  box.append(...next.map((row) => rowItem(row, V.found?.words, V.found?.near ? V.found.near[row] : null)));
  V.shown += next.length;
  if (V.shown < V.rows.length) box.append(el("li", { class: "more" }, el("button", { type: "button", text: `Show more of ${count(V.rows.length)}`,
    onclick: () => { const at = V.shown; more(); box.children[at]?.firstChild.focus(); } })));
};
const saveRows = () => download(`${V.query ? "search" : filterName().replace(/[^\p{L}\p{N}]+/gu, "-")}.csv`, ROW, V.rows.map(rowCells));
const ROW = ["row", "id", "text", "group", "label", "language", "time"];
const rowCells = (row) => [D.facts.sampled ? "" : row, idOf(row), textOf(row), groupOf(row)?.name ?? "", labelOf(row), langOf(row), D.times?.[row] ?? ""];

// One row, whole, with what lies near it.
const likeList = (rows) => el("ul", { class: "near" }, ...rows.map(([row, score]) => el("li", {}, el("button", { type: "button", class: "plain", onclick: () => showRow(row, true) },
  el("span", { class: "text", dir: "auto", text: shorten(textOf(row), 260) }), el("span", { class: "meta", text: `${metaOf(row)}${score === undefined ? "" : ` · ${score.toFixed(2)}`}` })))));
const trail = [];
const showRow = (row, deeper = false, extra = null) => {
  if (!deeper) trail.length = 0;
  trail.push({ row, extra });
  drawRow();
};
const drawRow = () => {
  const { row, extra } = trail.at(-1), back = trail.length > 1 ? () => { trail.pop(); drawRow(); } : null;
  const facts = [["id", idOf(row)], ["group", groupOf(row)?.name ?? "in no group"], ["label", labelOf(row)], ["language", langOf(row)], ["time", D.times?.[row]]];
  const kin = D.twins.get(row);
  dialog(`Row ${idOf(row)}`, [
    el("p", { class: "whole", text: textOf(row), dir: "auto", tabindex: "0" }),
    D.facts.cut_at && textOf(row).length >= D.facts.cut_at ? el("p", { class: "note", text: `This page holds the first ${count(D.facts.cut_at)} characters.` }) : "",
    el("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])),
    el("div", { class: "under" }, el("button", { type: "button", text: "Show on the map", onclick: () => { byId("dialog").close(); choose(null); goTo(row); byId("map").focus(); } })),
    ...(extra ? [el("h3", { text: extra[0] }), likeList(extra[1].map((one) => [one]))] : []),
    ...(kin ? [el("h3", { text: "The same text" }), likeList(kin.filter((one) => one !== row).slice(0, 20).map((one) => [one]))] : []),
    el("h3", { text: "More like this" }), likeList(alike(row)),
  ], { back });
};
