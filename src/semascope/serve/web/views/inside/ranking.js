// The results of a vector before and after its dials were turned: where each hit moved, what came and what fell out.
import { announce, calm, counted, el, figure, icon, shorten } from "../../kit.js";
import { keyOf } from "./places.js";

const keyOfHit = (hit) => `${hit.id} ${hit.span?.join("-") ?? ""}`;
export const asked = (place) => (place.query !== undefined ? { query: place.query } : { like: place });

const moved = (rank, was) => {
  if (was === null || was === undefined) return { sign: "new", kind: "came", says: "new among the first" };
  const by = was - rank;
  if (by === 0) return { sign: "–", kind: "stayed", says: "where it was" };
  const far = by > 0 ? `up ${by}` : `down ${-by}`;
  return { sign: `${by > 0 ? "▲" : "▼"}${Math.abs(by)}`, kind: by > 0 ? "rose" : "sank", says: `${far}, was ${was}` };
};

// The signs of a list change place where they stand; with less motion asked for they are simply there.
const settle = (list, change) => {
  const before = new Map([...list.children].map((node) => [node.dataset.hit, node.getBoundingClientRect().top]));
  change();
  if (calm.matches || !list.isConnected) return;
  for (const node of list.children) {
    const old = before.get(node.dataset.hit);
    const by = old === undefined ? 0 : old - node.getBoundingClientRect().top;
    if (old === undefined && before.size) node.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 260, easing: "ease-out" });
    else if (Math.abs(by) > 1) node.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 280, easing: "cubic-bezier(.2,.7,.3,1)" });
  }
};

export const tile = (name, value, says) => el("div", { class: "tile" }, el("dt", { text: name }), el("dd", {}, el("b", { text: value }), el("small", { text: says })));
const price = (steered, k) => (steered === null || steered === undefined ? [] : [
  tile("Turned", figure(steered.cosine, 3), "cosine with the untouched vector"),
  tile("Kept", `${Math.round(steered.kept * k)} of ${k}`, "of the untouched first results"),
  tile("Order", figure(steered.overlap_rbo, 2), "rank-biased overlap; 1 is the same order"),
]);

export const ranking = (app, put) => {
  const list = el("ol", { class: "hits", "aria-label": "Results" });
  const fallen = el("ol", { class: "hits fallen", "aria-label": "Fallen out of the first" });
  const head = el("h4", { text: "Fallen out" });
  const cost = el("dl", { class: "cost" });
  const note = el("p", { class: "note" });
  const node = el("section", { class: "ranking", "aria-labelledby": "ranking-title" },
    el("h3", { id: "ranking-title", text: "Results" }), cost, note, list, el("div", { class: "fallen-box" }, head, fallen));
  const rows = new Map();
  let base = { key: "", hits: [] };

  const row = (hit) => {
    const name = hit.title || shorten(hit.passage, 70);
    const sign = el("span", { class: "move" }), place = el("span", { class: "rank" }), score = el("span", { class: "score" });
    const dial = (amount, text, says) => el("button", { type: "button", class: "small", text, title: says, "aria-label": `${says}: ${name}`, onclick: () => put({ id: hit.id, amount }) });
    const made = el("li", { "data-hit": keyOfHit(hit), "data-id": hit.id },
      el("div", { class: "hit-place" }, place, sign),
      el("div", { class: "hit-words" }, el("a", { dir: "auto", text: shorten(name, 110), href: app.href({ view: "inside", of: keyOf({ id: hit.id }), passage: hit.span?.join("-") ?? "", span: "", part: "", pair: "", dials: "" }) }),
        el("p", { dir: "auto", text: shorten(hit.passage, 180) })),
      el("div", { class: "hit-tools" }, score, dial(1, "more", "More like this"), dial(-1, "less", "Less like this")));
    return { made, sign, place, score };
  };
  const dressed = (hit, rank, was, steered) => {
    const key = keyOfHit(hit);
    const one = rows.get(key) ?? rows.set(key, row(hit)).get(key);
    const how = steered ? moved(rank, was) : { sign: "", kind: "", says: "" };
    one.place.textContent = rank;
    one.sign.className = `move ${how.kind}`;
    one.sign.replaceChildren(...(how.sign ? [el("span", { "aria-hidden": "true", text: how.sign }), el("span", { class: "unseen", text: how.says })] : []));
    one.score.textContent = figure(hit.score, 3);
    one.made.className = how.kind;
    return one.made;
  };
  const untouched = async (ctx, body, signal) => {
    const key = JSON.stringify(body);
    if (base.key !== key) base = { key, hits: (await app.api.post("/x/search", body, { signal })).hits };
    return base.hits;
  };

  return {
    node,
    async rank(ctx, turned, signal) {
      const k = Number(app.state.k) || 10;
      const body = { ...asked(ctx.place), k, mode: "dense", encoding: ctx.name };
      const [plain, found] = await Promise.all([untouched(ctx, body, signal), turned.length ? app.api.post("/x/steer", { ...body, dials: turned }, { signal }) : null]);
      if (signal.aborted) return;
      const hits = found?.hits ?? plain, steered = found?.steered ?? null;
      const old = new Map(plain.map((hit, at) => [keyOfHit(hit), at + 1]));
      const here = new Set(hits.map(keyOfHit));
      const gone = steered ? plain.filter((hit) => !here.has(keyOfHit(hit))) : [];
      for (const hit of [...hits, ...plain]) ctx.titles.set(hit.id, hit.title || shorten(hit.passage, 60));
      settle(list, () => list.replaceChildren(...hits.map((hit, at) => dressed(hit, at + 1, hit.was ?? old.get(keyOfHit(hit)), steered))));
      fallen.replaceChildren(...gone.map((hit) => {
        const rank = old.get(keyOfHit(hit));
        return el("li", { "data-hit": keyOfHit(hit), "data-id": hit.id }, el("div", { class: "hit-place" }, el("span", { class: "rank", text: rank }), el("span", { class: "move gone" }, icon("down"), el("span", { class: "unseen", text: `was ${rank}` }))),
          el("div", { class: "hit-words" }, el("span", { dir: "auto", text: hit.title || shorten(hit.passage, 110) })));
      }));
      head.parentElement.hidden = !gone.length;
      cost.replaceChildren(...price(steered, plain.length));
      cost.hidden = !steered;
      note.textContent = steered ? "" : `The first ${counted(hits.length, "result")} by meaning alone, nothing turned.`;
      note.hidden = Boolean(steered);
      if (steered) announce(`Ranked anew: ${Math.round(steered.kept * plain.length)} of ${plain.length} kept, cosine ${figure(steered.cosine, 2)} with the untouched vector`);
      if (rows.size > 400) for (const [key, one] of rows) if (!one.made.isConnected) rows.delete(key);
    },
  };
};
