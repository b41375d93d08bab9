// One hit: its title, the part of its passage that answers, why, and what can be done with it.
import { el, figure, icon, lit, percent } from "../../kit.js";
import { part, standing, wordsIn } from "./lighting.js";
import { toggle, write } from "./where.js";

const CHIPS = 3, LONG = 40;
const ROW_ONLY = new Set(["id", "title"]);

// Fields worth a chip: short ones, each value once (a label is often one of the other fields again).
const chips = (hit, ctx) => {
  const seen = new Set(), out = [];
  for (const [name, value] of Object.entries(hit.metadata)) {
    const text = String(value ?? "");
    if (ROW_ONLY.has(name) || text === "" || text.length > LONG || seen.has(text) || text === hit.id || text === hit.title) continue;
    seen.add(text);
    out.push([name, text]);
  }
  out.sort((a, b) => ctx.rank(a[0]) - ctx.rank(b[0]));
  return out.slice(0, CHIPS).map(([name, text]) => el("a", { class: "chip", dir: "auto", href: ctx.app.href({ where: write(toggle(ctx.conditions, name, text)), k: "" }),
    title: `Only where ${name} is ${text}` }, el("b", { text: name }), " ", text));
};

const scoreBox = (hit, ctx) => {
  const share = ctx.best > 0 ? Math.max(0, hit.score) / ctx.best : 0;
  return el("span", { class: "score", title: `Score ${figure(hit.score, 4)}: ${percent(share)} of the best one. ${ctx.scale}` },
    el("span", { class: "meter", "aria-hidden": "true" }, el("i", { style: { width: percent(share, 1) } })), el("span", { class: "num" }, el("span", { class: "unseen", text: "score " }), figure(hit.score, hit.score >= 10 ? 2 : 3)));
};

// The words that add or take the most, each once, whatever the case.
const strongest = (hit, found) => {
  const words = new Map();
  for (const [text, marks] of [[hit.passage, found.words], [hit.title, found.title ?? []]]) {
    const points = [...text];
    for (const one of marks) {
      const word = points.slice(one.start, one.stop).join("");
      if (!/[\p{L}\p{N}]/u.test(word)) continue;
      const key = word.toLowerCase(), had = words.get(key) ?? { word, share: 0, times: 0 };
      words.set(key, { ...had, share: had.share + one.share, times: had.times + 1 });
    }
  }
  return [...words.values()].sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, 6).map((one) => el("span", { class: one.share < 0 ? "chip takes" : "chip adds" }, el("bdi", { text: one.word }), one.times > 1 ? ` ×${one.times}` : "", " ",
    el("span", { class: "num", text: `${one.share < 0 ? "" : "+"}${figure(one.share)}` })));
};
const total = (marks) => (marks ?? []).reduce((sum, one) => sum + one.share, 0);
const HOW = { exact: "Exact: the vector is a mean of what the encoder made of each word, so that these shares are the cosine, taken apart.",
  "left out": "Left out: each word was left out in turn and the cosine computed anew; such shares need not add up to it." };
const adding = (hit, found, ctx) => {
  const parts = [["the passage", total(found.words)], ["the title", total(found.title)], ["what is no word", found.rest ?? 0]].filter(([, share], at) => at === 0 || Math.abs(share) >= 0.0005);
  return el("p", { class: "note" }, "Words of ", ...parts.flatMap(([name, share], at) => [at ? " and of " : "", `${name} add `, el("b", { class: "num", text: figure(share) })]), parts.length > 1 ? [", together ", el("b", { class: "num", "data-sum": found.sum, text: figure(found.sum) })] : null,
    found.cosine === undefined ? "" : [`; the cosine with the ${ctx.state.q ? "query" : "document"} is `, el("b", { class: "num", text: figure(found.cosine) })], ". ", HOW[found.how] ?? found.how, ctx.app.encoding()?.kind === "transformer" ? " It reads words in their context: a word's share holds some of its neighbours'." : "");
};
const why = (hit, found, ctx) => {
  if (!found) return el("div", { class: "why" }, el("p", { class: "note", text: ctx.missing || "What each word adds is being computed." }));
  const whole = el("p", { class: "whole", dir: "auto", tabindex: "0" }, ...lit(hit.passage, found.words, { top: ctx.top, less: true }));
  return el("div", { class: "why", role: "region", "aria-label": "Why this was found" }, whole, el("p", { class: "row" }, ...strongest(hit, found)), adding(hit, found, ctx),
    whole.querySelector("u.less") ? el("p", { class: "note" }, el("u", { class: "less", text: "Underlined" }), " words take away.") : null,
    ctx.mixed ? el("p", { class: "note", text: "The score above joins this cosine with the query's words (BM25); what is lit is the cosine's part." }) : null);
};

// Draw the passage anew, now that it is known what its words add.
export const light = (item, hit, found, ctx) => {
  const box = item.querySelector(".passage"), words = found ? [] : wordsIn(hit.passage, ctx.state.q);
  // While the shares are on their way nothing is lit; where they cannot be had, the query's words are.
  const marks = found ? found.words : ctx.explains && !ctx.missing ? [] : words, [from, to] = part(hit.passage, found ? marks : words);
  const [start, stop] = [from > 0 || hit.span?.[0] > 0, to < [...hit.passage].length || (hit.span && hit.span[1] < hit.text_length)];
  box.replaceChildren(...(start ? ["… "] : []), ...lit(hit.passage, found ? standing(hit.passage, marks) : marks, { top: found ? ctx.top : 1, from, to, least: found ? 0.08 : 0 }), ...(stop ? [" …"] : []));
  if (found) { box.dataset.sum = found.sum; box.dataset.how = found.how; }
  if (hit.title) item.querySelector("a.open").replaceChildren(...lit(hit.title, standing(hit.title, found?.title ?? []), { top: ctx.top, least: 0.08 }));
  const open = item.querySelector(".why");
  if (open) open.replaceWith(why(hit, found, ctx));
};

export const hitItem = (hit, place, ctx) => {
  const { app } = ctx, name = hit.title || hit.id;
  const explain = el("button", { type: "button", class: "quiet", "aria-expanded": "false", text: "Why", onclick: () => {
    const open = item.querySelector(".why");
    explain.setAttribute("aria-expanded", String(!open));
    if (open) open.remove(); else item.append(why(hit, ctx.found(hit), ctx));
  } });
  const item = el("li", { class: "hit", "data-id": hit.id, "data-row": hit.row },
    el("div", { class: "line" },
      el("h2", {}, el("a", { class: "open", dir: "auto", href: app.href({ doc: hit.id, span: hit.span?.join("-") }), text: name })),
      hit.was === null || hit.was === undefined || hit.was === place + 1 ? null : el("span", { class: "moved note num", title: "Its place without dials", text: `was ${hit.was}` }),
      scoreBox(hit, ctx)),
    // The text opens the document as its title does, unless somebody is selecting words of it.
    el("p", { class: "passage", dir: "auto", onclick: () => { if (getSelection().isCollapsed) item.querySelector("a.open").click(); } }),
    el("div", { class: "meta" },
      hit.title && hit.title !== hit.id ? el("code", { class: "id", title: hit.id, text: hit.id }) : null, ...chips(hit, ctx),
      ...hit.tags.map((tag) => el("a", { class: "chip tag", href: app.href({ tag, k: "" }), title: `Only with the tag ${tag}` }, icon("tag"), el("bdi", { text: tag }))),
      el("span", { class: "acts" }, el("a", { class: "button quiet", "data-like": true, href: app.href({ like: hit.id, q: "", doc: "", span: "", k: "", mode: "" }), text: "More like this" }), ctx.explains ? explain : null)));
  light(item, hit, ctx.found(hit), ctx);
  return item;
};
