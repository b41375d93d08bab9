// A map of points: what of it is seen, and the drawing of it.
import { css, parsed, word } from "./colours.js";
import { Grid } from "./grid.js";
import { drawPoints } from "./raster.js";

// How deep one zooms; how long drawing may take (ms) before what moves is drawn more roughly; after how long it rests.
const DEEPEST = 200, SLOW = 26, REST = 150;
export class Plane {
  // x and y of each row in 0..65535; span: the width and height that are used of these.
  constructor(canvas, { x, y, span }) {
    Object.assign(this, { canvas, x, y, span: span.map((one) => Math.max(1, one)), n: x.length, grid: new Grid(x, y) });
    Object.assign(this, { s: 1, tx: 0, ty: 0, fit: 1, wide: 0, high: 0, dpr: 1, lit: null });
    this.colour = new Uint32Array(this.n);
    Object.assign(this, { due: false, stale: true, hits: [], mark: -1, held: false, level: 0, last: -Infinity, moved: () => {}, over: () => {} });
    // A canvas seldom stands on whole pixels: its own shall not be smeared over two.
    canvas.style.imageRendering = "pixelated";
    this.tint();
  }

  // The colour of each row, as a word; and which rows are lit (1) and which are not (0), or null.
  set colour(values) { this.tones = this.grid.sorted(values); this.words = values; }
  get colour() { return this.words; }
  set lit(values) { this.bright = values && this.grid.sorted(values); this.chosen = values; }
  get lit() { return this.chosen; }

  tint() {
    [this.back, this.faint, this.hot, this.ink] = ["--map", "--dim", "--hit", "--ink"].map(parsed);
    this.ask();
  }

  // Draw at the next frame: the points too, unless only what lies on them has changed.
  ask(points = true) {
    this.stale ||= points;
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.draw(); });
  }

  get width() { return this.wide / this.dpr; }
  get height() { return this.high / this.dpr; }
  get depth() { return this.s / this.fit; }
  // The point of the map in the middle of what is seen.
  get middle() { return [(this.width / 2 - this.tx) / this.s, (this.height / 2 - this.ty) / this.s]; }
  place(row) { return this.seen(this.x[row], this.y[row]); }
  seen(mx, my) { return [mx * this.s + this.tx, my * this.s + this.ty]; }
  under(x, y) { return [(x - this.tx) / this.s, (y - this.ty) / this.s]; }
  rowAt(x, y, reach = 14) { return this.grid.nearest(...this.under(x, y), reach / this.s, this.lit); }

  resize() {
    const box = this.canvas.getBoundingClientRect(), first = !this.wide, { depth } = this, [mx, my] = first ? [0, 0] : this.middle;
    this.dpr = Math.min(2, devicePixelRatio || 1);
    const wide = Math.round(box.width * this.dpr), high = Math.round(box.height * this.dpr);
    if (!wide || !high) return;
    this.canvas.width = this.wide = wide;
    this.canvas.height = this.high = high;
    this.pen = this.canvas.getContext("2d", { alpha: false });
    this.image = this.pen.createImageData(wide, high);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.whole();
    if (!first && depth > 1.01) this.goTo(mx, my, depth);
    this.stale = true;
    this.draw();
  }

  whole() {
    const { width, height } = this, pad = Math.min(28, 0.06 * width), [w, h] = this.span;
    this.s = this.fit = Math.min((width - 2 * pad) / w, (height - 2 * pad) / h);
    this.tx = (width - w * this.s) / 2;
    this.ty = (height - h * this.s) / 2;
    this.changed();
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const next = Math.min(Math.max(this.s * by, this.fit), this.fit * DEEPEST), share = next / this.s;
    if (next <= this.fit * 1.0001) { this.whole(); return; }
    this.tx = x - (x - this.tx) * share;
    this.ty = y - (y - this.ty) * share;
    this.s = next;
    this.changed();
  }

  pan(dx, dy) {
    this.tx += dx;
    this.ty += dy;
    this.changed();
  }

  goTo(mx, my, depth) {
    this.s = this.fit * Math.min(DEEPEST, Math.max(1, depth));
    this.tx = this.width / 2 - mx * this.s;
    this.ty = this.height / 2 - my * this.s;
    this.changed();
  }

  // The rectangle (in points of the map) as large as it can be seen.
  frame(left, top, right, bottom, deepest = 24) {
    const deep = Math.min(this.width / Math.max(1, right - left), this.height / Math.max(1, bottom - top)) * 0.8;
    this.goTo((left + right) / 2, (top + bottom) / 2, Math.min(deepest, deep / this.fit));
  }

  changed() {
    this.last = performance.now();
    this.grip();
    this.ask();
    this.moved();
  }

  // A finger on the whole map scrolls the page; on a part of it, it moves the map; with a tool it draws.
  grip() { this.canvas.style.touchAction = this.held || this.depth > 1.01 ? "none" : "pan-y"; }

  radius() {
    const zoomed = Math.sqrt(this.depth), base = this.n > 50_000 ? 1 : this.n > 15_000 ? 1.4 : this.n > 4_000 ? 2 : this.n > 800 ? 2.8 : 3.8;
    return Math.round(2 * Math.min(7, base * Math.min(zoomed, 3)) * this.dpr) / 2;
  }

  // The more points lie on each other, the fainter each one, so that density shows.
  strength(radius) {
    const [w, h] = this.span, room = w * h * (this.s * this.dpr) ** 2, cover = (this.n * Math.PI * radius * radius) / (0.35 * room);
    return Math.min(0.88, Math.max(0.3, 0.95 / (1 + 0.3 * cover)));
  }

  draw() {
    if (!this.wide) return;
    if (this.stale) {
      const began = performance.now(), rough = began - this.last < REST ? this.level : 0;
      if (rough) this.half(rough); else this.points(this, 1, 1);
      const took = performance.now() - began;
      if (took > SLOW) this.level = Math.min(2, rough + 1); else if (took < SLOW / 6) this.level = Math.max(0, rough - 1); else this.level = rough;
      this.stale = false;
      // What was drawn roughly is drawn well as soon as it rests.
      clearTimeout(this.resting);
      if (rough) this.resting = setTimeout(() => this.ask(), REST);
      this.rough = rough > 0;
    }
    this.pen.imageSmoothingEnabled = true;
    if (this.rough) this.pen.drawImage(this.small.canvas, 0, 0, this.wide, this.high); else this.pen.putImageData(this.image, 0, 0);
    const hot = css(this.hot);
    for (const row of this.hits) this.ring(row, hot, 2.5, 1.6);
    this.over(this);
    if (this.mark >= 0) this.ring(this.mark, css(this.ink), 4, 2.2);
  }

  // The points (every so manyth of each place), into an image whose pixels are `share` of the canvas's.
  points(image, share, every) {
    const scale = this.dpr * share, radius = this.radius(), more = every > 1 ? 1.6 : 1, { tones, bright: lit } = this;
    const at = { tones, lit, s: this.s * scale, tx: this.tx * scale, ty: this.ty * scale, radius: radius * share, every };
    image.pixels.fill(word(this.back));
    if (lit) drawPoints(image, this.grid, { ...at, strength: 0.55, wanted: 0, ink: word(this.faint) });
    drawPoints(image, this.grid, { ...at, strength: lit ? 0.95 : Math.min(0.95, more * this.strength(radius)) });
  }

  // The same in a quarter of the pixels, and of a third of the points where that is slow too: for what moves.
  half(rough) {
    const wide = Math.ceil(this.wide / 2), high = Math.ceil(this.high / 2);
    if (this.small?.wide !== wide || this.small.high !== high) {
      const canvas = Object.assign(document.createElement("canvas"), { width: wide, height: high }), pen = canvas.getContext("2d", { alpha: false }), image = pen.createImageData(wide, high);
      this.small = { canvas, pen, image, wide, high, pixels: new Uint32Array(image.data.buffer) };
    }
    this.points(this.small, 0.5, rough > 1 ? 3 : 1);
    this.small.pen.putImageData(this.small.image, 0, 0);
  }

  ring(row, colour, size, width) {
    const { pen, dpr } = this, [x, y] = this.place(row);
    pen.strokeStyle = colour;
    pen.lineWidth = width * dpr;
    pen.beginPath();
    pen.arc(x * dpr, y * dpr, this.radius() + size * dpr, 0, 2 * Math.PI);
    pen.stroke();
  }
}
