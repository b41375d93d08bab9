// Rows sorted into cells by their places (0..65535): which row is nearest, which lie inside a shape.
import { scrambled } from "./raster.js";

const CELLS = 128, STEP = 65536 / CELLS;
const clip = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(value / STEP)));
export class Grid {
  // xs and ys are the places in the order of the cells, and inside a cell in an order that has nothing to do with the rows'.
  constructor(x, y) {
    const n = x.length, starts = new Int32Array(CELLS * CELLS + 1), cell = new Int32Array(n);
    for (let row = 0; row < n; row++) { cell[row] = clip(y[row]) * CELLS + clip(x[row]); starts[cell[row] + 1]++; }
    for (let at = 0; at < CELLS * CELLS; at++) starts[at + 1] += starts[at];
    const next = starts.slice(), rows = new Int32Array(n);
    for (const row of scrambled(n)) rows[next[cell[row]]++] = row;
    Object.assign(this, { x, y, starts, rows, xs: Uint16Array.from(rows, (row) => x[row]), ys: Uint16Array.from(rows, (row) => y[row]) });
  }

  // Values of rows, in the order of the cells.
  sorted(values) {
    const out = new values.constructor(values.length);
    for (let at = 0; at < out.length; at++) out[at] = values[this.rows[at]];
    return out;
  }

  // Which stretches of the sorted rows can lie in a rectangle, as [from, to) of each line of cells.
  runs(left, top, right, bottom) {
    const out = [], first = clip(left), last = clip(right);
    for (let cy = clip(top); cy <= clip(bottom); cy++) out.push([this.starts[cy * CELLS + first], this.starts[cy * CELLS + last + 1]]);
    return out;
  }

  // The nearest row within `far`, or -1; of the lit ones where there are some.
  nearest(px, py, far, lit = null) {
    const { x, y, starts, rows } = this;
    let best = -1, least = far * far;
    for (let cy = clip(py - far); cy <= clip(py + far); cy++) for (let cx = clip(px - far); cx <= clip(px + far); cx++) {
      for (let at = starts[cy * CELLS + cx]; at < starts[cy * CELLS + cx + 1]; at++) {
        const row = rows[at];
        if (lit !== null && lit[row] !== 1) continue;
        const away = (x[row] - px) ** 2 + (y[row] - py) ** 2;
        if (away < least) { least = away; best = row; }
      }
    }
    return best;
  }

  // Calls `found(row)` for every row inside a polygon [[x, y], ...] (even-odd: a ray to the right crosses its edge an odd number of times).
  inside(polygon, found) {
    const { x, y, starts, rows } = this;
    const xs = polygon.map(([px]) => px), ys = polygon.map(([, py]) => py);
    const left = clip(Math.min(...xs)), right = clip(Math.max(...xs)), most = Math.max(...ys);
    for (let cy = clip(Math.min(...ys)); cy <= clip(most); cy++) {
      // Only the edges that cross this line of cells can be crossed by a ray in it.
      const edges = [];
      polygon.forEach(([bx, by], at) => {
        const [ax, ay] = polygon[(at + polygon.length - 1) % polygon.length];
        if (Math.max(ay, by) >= cy * STEP && Math.min(ay, by) <= (cy + 1) * STEP) edges.push([ax, ay, bx, by]);
      });
      for (let at = starts[cy * CELLS + left]; at < starts[cy * CELLS + right + 1]; at++) {
        const row = rows[at], px = x[row], py = y[row];
        let odd = false;
        for (const [ax, ay, bx, by] of edges) if ((ay > py) !== (by > py) && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) odd = !odd;
        if (odd) found(row);
      }
    }
  }
}
