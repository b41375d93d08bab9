// Titles and passages of rows: asked for in batches, kept while they are likely to be shown again.
const MOST = 500, KEPT = 8_000;
export class Rows {
  constructor(app, encoding) {
    Object.assign(this, { app, encoding, kept: new Map(), waiting: new Map(), timer: 0 });
  }

  // What is known of the row at once, or undefined.
  known(row) { return this.kept.get(row); }

  get(rows) { return Promise.all(rows.map((row) => this.one(row))); }

  one(row) {
    const found = this.kept.get(row);
    if (found) return Promise.resolve(found);
    let entry = this.waiting.get(row);
    if (!entry) {
      entry = {};
      entry.answer = new Promise((give, fail) => Object.assign(entry, { give, fail }));
      this.waiting.set(row, entry);
      this.timer ||= setTimeout(() => { this.timer = 0; this.ask(); }, 12);
    }
    return entry.answer;
  }

  async ask() {
    const batch = [...this.waiting].filter(([, entry]) => !entry.asked).slice(0, MOST);
    if (!batch.length) return;
    for (const [, entry] of batch) entry.asked = true;
    if (batch.length === MOST) this.timer = setTimeout(() => { this.timer = 0; this.ask(); }, 0);
    try {
      const { rows } = await this.app.api.post("/x/map/rows", { encoding: this.encoding, rows: batch.map(([row]) => row) });
      for (const one of rows) this.keep(one);
      for (const [row, entry] of batch) { const one = this.kept.get(row); if (one) entry.give(one); else entry.fail(new Error(`row ${row} is not in the Space any more`)); }
    } catch (error) {
      for (const [, entry] of batch) entry.fail(error);
    }
    for (const [row] of batch) this.waiting.delete(row);
  }

  keep(one) {
    this.kept.set(one.row, one);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }

  // After tags were changed, what is kept of them is old.
  forget() { this.kept.clear(); }
}
