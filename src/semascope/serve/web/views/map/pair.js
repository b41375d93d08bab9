// Two maps beside each other: which row here is which there, and the neighbours a passage keeps and loses.
import { css, parsed } from "../../shared/colours.js";

export const NEAR = 15;
// Rows of the same passage: the same document, and there the same turn among its passages.
export const link = async (here, there) => {
  const docs = await Promise.all([here, there].map((one) => one.column("doc").then(({ of }) => of)));
  here.forth = matched(docs[0], docs[1]);
  there.back = matched(docs[1], docs[0]);
};
const matched = (from, to) => {
  const out = new Int32Array(from.length).fill(-1);
  if (from.length === to.length && from.every((doc, row) => doc === to[row])) return out.map((_, row) => row);
  const places = new Map(), turns = new Map();
  to.forEach((doc, row) => { const turn = turns.get(doc) ?? 0; turns.set(doc, turn + 1); places.set(doc * 4_096 + turn, row); });
  turns.clear();
  from.forEach((doc, row) => { const turn = turns.get(doc) ?? 0; turns.set(doc, turn + 1); out[row] = places.get(doc * 4_096 + turn) ?? -1; });
  return out;
};

// The neighbours of a row here and of the same passage there: kept, lost and new ones, as rows of both maps.
export class Near {
  constructor(app) { Object.assign(this, { app, known: new Map() }); }

  async of(here, there, row, signal) {
    const key = `${here.encoding}\0${there.encoding}\0${row}`;
    if (!this.known.has(key)) {
      const { near, other } = await this.app.api.post("/x/map/near", { encoding: here.encoding, row, other: there.encoding }, { signal });
      const away = new Set(other ?? []), home = new Set(near);
      const out = { kept: [], lost: [], fresh: [], of: near.length };
      for (const one of near) (away.has(here.forth[one]) ? out.kept : out.lost).push([one, here.forth[one]]);
      for (const one of other ?? []) if (!home.has(there.back[one])) out.fresh.push([there.back[one], one]);
      this.known.set(key, out);
      if (this.known.size > 400) this.known.delete(this.known.keys().next().value);
    }
    return this.known.get(key);
  }
}
// Rings of both maps for what was found.
export const marksOf = (found) => {
  const colours = [["kept", "--good"], ["lost", "--hit"], ["fresh", "--accent"]].map(([name, variable]) => [name, css(parsed(variable))]);
  return [0, 1].map((side) => colours.flatMap(([name, colour]) => found[name].filter((pair) => pair[side] >= 0).map((pair) => [pair[side], colour, (name === "fresh") === (side === 1) || name === "kept"])));
};
// Rows in the order of what they lost, the most first; of the selected ones where there is a selection.
export const mostMoved = (share, lit, most = 500) => {
  const rows = [];
  for (let row = 0; row < share.length; row++) if (share[row] > 0 && (lit === null || lit[row] === 1)) rows.push(row);
  return rows.sort((a, b) => share[b] - share[a] || a - b).slice(0, most);
};
