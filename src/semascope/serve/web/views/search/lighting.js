// Which words of the passages add to their score: asked of the server after the hits are drawn, and kept.
import { cutter } from "../../kit.js";

const AT_ONCE = 50, KEPT = 400;
const known = new Map();
const keyOf = (hit) => `${hit.id}\n${hit.span?.join("-") ?? ""}`;
const forOf = (state) => (state.q ? { query: state.q } : { id: state.like });
const whole = (state, encoding, hit) => `${encoding}\n${JSON.stringify(forOf(state))}\n${keyOf(hit)}`;

// What is known of a hit already: {words, sum, how, cosine} or undefined.
export const recall = (state, encoding, hit) => known.get(whole(state, encoding, hit));
export const explain = async (app, state, hits, { signal } = {}) => {
  const encoding = app.encoding()?.name ?? "", fresh = hits.filter((hit) => !recall(state, encoding, hit));
  for (let at = 0; at < fresh.length; at += AT_ONCE) {
    const some = fresh.slice(at, at + AT_ONCE);
    const got = await app.api.post("/x/explain", { for: forOf(state), documents: some.map(({ id, span }) => (span ? { id, span } : { id })), encoding: state.enc }, { signal });
    some.forEach((hit, place) => known.set(whole(state, encoding, hit), { ...got.results[place], cosine: got.cosine?.[place] }));
  }
  while (known.size > KEPT) known.delete(known.keys().next().value);
};

const letter = /[\p{L}\p{N}_]/u, unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
// The query's own words where they stand in a text, in its characters: what is lit by words alone.
export const wordsIn = (text, query) => {
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return [];
  const out = [], points = /[\ud800-\udfff]/.test(text) ? (at) => [...text.slice(0, at)].length : (at) => at;
  for (const word of new Set((query ?? "").toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [])) {
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + word.length)) {
      // A word of four letters or more is also met where a longer one begins with it; a shorter one has to stand alone.
      const begins = at === 0 || !letter.test(lower[at - 1]), ends = !letter.test(lower[at + word.length] ?? " ");
      if ((begins && (ends || word.length > 3)) || unspaced.test(word)) out.push({ start: points(at), stop: points(at + word.length), share: 1 });
    }
  }
  return out.sort((a, b) => a.start - b.start);
};

// What is lit where there is no room to say more: words, no signs, that add more than an even part of all of them.
export const standing = (text, marks) => {
  const at = cutter(text), words = marks.filter((one) => letter.test(text.slice(at(one.start), at(one.stop))));
  const even = words.reduce((sum, one) => sum + one.share, 0) / Math.max(1, words.length);
  return words.filter((one) => one.share > 0.999 * even);
};

const ROOM = 300;
// Which part of a long passage to show: where most of what is lit stands; its beginning where that is as good.
// Gives [from, to] in characters.
export const part = (text, marks, room = ROOM) => {
  const length = cutter(text) && /[\ud800-\udfff]/.test(text) ? [...text].length : text.length;
  if (length <= room * 1.25) return [0, length];
  const lit = marks.filter((one) => one.share > 0), mass = (from) => lit.reduce((sum, one) => sum + (one.start >= from && one.stop <= from + room ? one.share : 0), 0);
  let best = 0, most = mass(0) * 1.25;
  for (const one of lit) {
    const from = Math.max(0, Math.min(length - room, one.start - 40)), here = mass(from);
    if (here > most * 1.0001) { most = here; best = from; }
  }
  // Begin where a word begins.
  if (best > 0) { const at = cutter(text), gap = text.slice(at(best), at(best + 30)).search(/\s\S/); if (gap >= 0 && gap < 30) best += gap + 1; }
  // End where one ends.
  const at = cutter(text), end = Math.min(length, best + room), last = end < length ? text.slice(at(end - 25), at(end + 1)).search(/\s\S*$/) : -1;
  return [best, last >= 0 ? end - 25 + last : end];
};
