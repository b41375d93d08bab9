// One map on the page: a canvas with the points of one encoding, names of regions, a tip, and the tools of the hand.
import { beside, placed } from "../../shared/placing.js";
import { css, hue } from "../../shared/colours.js";
import { hands } from "../../shared/hands.js";
import { Plane } from "../../shared/plane.js";
import { announce, count, debounce, el, shorten } from "../../kit.js";
import { Rows } from "./rows.js";

const brief = ({ words, name }) => [3, 2, 1].map((many) => words.slice(0, many).join(", ")).find((text) => text && text.length <= 28) ?? shorten(words[0] ?? name, 28);
export const saidRow = (one) => [one.title, one.passage].filter(Boolean).join(": ");

export class Sheet {
  // act: what the view does with a hand's findings: hover(sheet, row), press(sheet, row), drag(sheet, event) -> "lasso" | "box" | null,
  // lassoed(sheet, line, event), keys(sheet).
  constructor(app, facts, places, act) {
    const n = facts.n;
    Object.assign(this, { app, facts, act, n, encoding: facts.encoding, rows: new Rows(app, facts.encoding), columns: new Map(), line: null, marks: [], chosen: -1, tinted: true });
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map",
      "aria-label": `Map of ${count(n)} passages as ${facts.encoding} sees them: like passages lie together. Arrow keys move it, plus and minus zoom, 0 shows all of it, Enter opens the passage in the middle, l begins a lasso. The list beside it holds the same passages.` });
    this.nodes = facts.groups.map((one) => el("span", { class: one.stable ? "" : "shaky" }, el("i", { class: "dot" }), brief(one)));
    this.names = el("div", { class: "names", "aria-hidden": "true" }, ...this.nodes);
    this.tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.node = el("section", { class: "sheet card", "aria-label": `Map of ${facts.encoding}`, "data-encoding": facts.encoding }, this.canvas, this.names, this.tip);
    this.plane = new Plane(this.canvas, { x: places.subarray(0, n), y: places.subarray(n, 2 * n), span: facts.span });
    this.plane.over = () => this.over();
    this.order = facts.groups.map((_, at) => at).sort((a, b) => facts.groups[b].n - facts.groups[a].n);
    this.ask = debounce((row, x, y) => this.fill(row, x, y), 40);
    this.listen();
  }

  static async open(app, encoding, act) {
    const facts = await app.api.get("/x/map", { encoding });
    const { data } = await app.api.column(facts.encoding, "places");
    return new Sheet(app, facts, data, act);
  }

  // A column: {of, names, counts} for classes, {share, ends} for shares.
  column(name) {
    if (!this.columns.has(name)) {
      const coming = this.app.api.column(this.encoding, name).then(({ header, data }) => (header.kind === "share" ? { ...header, share: data } : { ...header, of: data }));
      this.columns.set(name, coming);
      coming.catch(() => this.columns.delete(name));
    }
    return this.columns.get(name);
  }

  listen() {
    const { plane, act } = this;
    hands(plane, {
      hover: (row, x, y) => this.point(row, x, y),
      leave: () => this.point(-1),
      press: (row, event) => act.press(this, row, event),
      middle: (row) => this.middle(row),
      keys: act.keys(this),
      drag: (event, x, y) => this.drag(event, x, y),
    });
  }

  async middle(row) {
    this.point(row, this.plane.width / 2, this.plane.height / 2);
    if (row < 0) { announce("No passage near the middle of the map"); return; }
    const one = await this.rows.one(row).catch(() => null);
    if (one && this.plane.mark === row) announce(shorten(saidRow(one), 240));
  }

  drag(event, x, y) {
    const kind = this.act.drag(this, event);
    if (!kind) return null;
    this.point(-1);
    this.line = [[x, y]];
    return {
      move: (nx, ny) => {
        const [lx, ly] = this.line.at(-1);
        if (kind === "box") this.line = [[x, y], [nx, y], [nx, ny], [x, ny]];
        else if (Math.hypot(nx - lx, ny - ly) > 2) this.line.push([nx, ny]);
        this.plane.ask(false);
      },
      end: (nx, ny, last) => {
        const line = this.line.map(([px, py]) => this.plane.under(px, py));
        this.line = null;
        this.plane.ask(false);
        this.act.lassoed(this, line, last);
      },
      stop: () => { this.line = null; this.plane.ask(false); },
    };
  }

  // Show a row: marked, and its tip where there is a place for it.
  point(row, x, y) {
    const fresh = row !== this.plane.mark;
    if (fresh) { this.plane.mark = row; this.plane.ask(false); this.act.hover(this, row); }
    if (row < 0 || x === undefined) { this.tip.hidden = true; this.ask.stop(); return; }
    if (this.rows.known(row)) this.fill(row, x, y);
    else { if (fresh) this.tip.hidden = true; this.ask(row, x, y); }
  }

  async fill(row, x, y) {
    const one = this.rows.known(row) ?? (await this.rows.one(row).catch(() => null));
    if (!one || this.plane.mark !== row) return;
    if (this.tip.dataset.row !== String(row)) {
      this.tip.dataset.row = String(row);
      const group = this.facts.groups.find(({ number }) => number === this.groups?.[row]);
      this.tip.replaceChildren(...[one.title && el("b", { text: shorten(one.title, 90), dir: "auto" }), el("span", { text: shorten(one.passage, 220), dir: "auto" }),
        el("small", { text: [`#${shorten(one.id, 48)}`, group ? shorten(group.name, 40) : "", this.says?.(row)].filter(Boolean).join(" · ") })].filter(Boolean));
    }
    this.tip.hidden = false;
    // Beside another map it stays in a corner, so that the neighbours can be seen.
    const w = this.tip.offsetWidth, h = this.tip.offsetHeight, { width, height } = this.plane;
    const [left, top] = this.label ? [8, y > height - h - 40 ? 48 : height - h - 8] : beside(x, y, w, h, width, height);
    this.tip.style.transform = `translate(${left.toFixed(0)}px, ${top.toFixed(0)}px)`;
  }

  // What lies on the points: the neighbours of a row, the lasso, the names.
  over() {
    const { plane } = this, { pen, dpr } = plane;
    for (const [row, colour, wide] of this.marks) plane.ring(row, colour, wide ? 3.5 : 2.5, wide ? 2.6 : 2);
    if (this.line) {
      pen.beginPath();
      for (const [x, y] of this.line) pen.lineTo(x * dpr, y * dpr);
      pen.closePath();
      pen.fillStyle = `${css(plane.ink).slice(0, -1)} / 10%)`;
      pen.fill();
      pen.lineWidth = 1.6 * dpr;
      pen.setLineDash([5 * dpr, 4 * dpr]);
      pen.strokeStyle = css(plane.ink);
      pen.stroke();
      pen.setLineDash([]);
    }
    this.name();
  }

  name() {
    const { plane, nodes, facts } = this, key = `${plane.s}|${plane.tx}|${plane.ty}|${plane.wide}|${plane.high}|${this.chosen}|${this.tinted}`;
    if (key === this.named || !nodes.length) return;
    this.named = key;
    this.sizes ??= nodes.map((node) => [node.offsetWidth, node.offsetHeight]);
    const order = this.chosen < 0 ? this.order : [this.chosen, ...this.order.filter((at) => at !== this.chosen)];
    const boxes = order.map((at) => { const [x, y] = plane.seen(...facts.groups[at].at), [w, h] = this.sizes[at]; return { x, y, w, h }; });
    const taken = [...this.node.querySelectorAll(":scope > .keepout")].map((one) => [one.offsetLeft, one.offsetTop, one.offsetWidth, one.offsetHeight]);
    const places = placed(boxes, { wide: plane.width, high: plane.height, taken, most: Math.max(4, Math.round((plane.width * plane.height) / 26_000)) });
    order.forEach((at, turn) => {
      const node = nodes[at], place = places[turn];
      if (!place) { if (node.style.visibility !== "hidden") node.style.visibility = "hidden"; return; }
      node.style.visibility = "visible";
      node.style.transform = `translate(${place[0].toFixed(1)}px, ${place[1].toFixed(1)}px)`;
      node.classList.toggle("chosen", at === this.chosen);
      node.firstChild.hidden = !this.tinted;
      node.firstChild.style.background = css(hue(facts.groups[at].number));
    });
  }

  // Most of a set of rows as large as it can be seen: a few far ones do not count.
  frame(rows) {
    const { plane } = this, xs = Uint16Array.from(rows, (row) => plane.x[row]).sort(), ys = Uint16Array.from(rows, (row) => plane.y[row]).sort();
    if (!xs.length) return;
    const at = (list, share) => list[Math.min(list.length - 1, Math.floor(share * list.length))];
    plane.frame(at(xs, 0.03), at(ys, 0.03), at(xs, 0.97), at(ys, 0.97));
  }

  // Its name in a corner, where there are two maps.
  badge(text) {
    this.label?.remove();
    this.label = text ? el("p", { class: "badge keepout", text }) : null;
    if (this.label) this.node.append(this.label);
    this.named = "";
  }

  tint() {
    this.named = "";
    this.plane.tint();
  }
}
