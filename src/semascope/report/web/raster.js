// Points written straight into an image, so that hundreds of thousands move with the hand.
const kept = new Map();
const stampOf = (radius, wide) => {
  const key = `${radius}|${wide}`;
  if (!kept.has(key)) {
    const reach = Math.ceil(radius), steps = [], shares = [];
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
      const share = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
      if (share > 0.1) { steps.push(dy * wide + dx); shares.push(share); }
    }
    if (kept.size > 40) kept.clear();
    kept.set(key, { reach, steps: Int32Array.from(steps), shares: Float32Array.from(shares) });
  }
  return kept.get(key);
};
// Rows in an order that has nothing to do with theirs: what comes last in the corpus shall not lie on top of the rest.
export const scrambled = (n) => {
  const common = (a, b) => (b ? common(b, a % b) : a);
  let step = Math.max(1, Math.round(n * 0.6180339887));
  while (common(n, step) > 1) step++;
  const out = new Uint32Array(n);
  for (let at = 0, row = 0; at < n; at++, row = (row + step) % n) out[at] = row;
  return out;
};
// Every point of `grid` that can be seen, in its tone (in the order of the grid), or in the one ink that is given; where
// `lit` says which are lit, only those that are as `wanted`. Cells outside of the image cost nothing.
// every: one of so many, which is an even draw, for the order inside a cell means nothing.
export const drawPoints = ({ pixels, wide, high }, grid, { tones, lit, s, tx, ty, radius, strength, wanted = 1, ink = null, every = 1 }) => {
  const { steps, shares, reach } = stampOf(radius, wide), many = steps.length, { xs, ys } = grid;
  const over = Int32Array.from(shares, (share) => Math.round(256 * share * strength)), under = over.map((share) => 256 - share);
  const right = wide - reach, low = high - reach;
  for (const [from, to] of grid.runs((reach - tx) / s, (reach - ty) / s, (right - tx) / s, (low - ty) / s)) {
    for (let turn = from; turn < to; turn += every) {
      if (lit !== null && lit[turn] !== wanted) continue;
      const px = (xs[turn] * s + tx + 0.5) | 0, py = (ys[turn] * s + ty + 0.5) | 0;
      if (px < reach || py < reach || px >= right || py >= low) continue;
      // Red and blue are mixed in one multiplication, green in another.
      const at = py * wide + px, tone = ink === null ? tones[turn] : ink, both = tone & 0xff00ff, green = tone & 0xff00;
      for (let i = 0; i < many; i++) {
        const place = at + steps[i], old = pixels[place], a = over[i], b = under[i];
        pixels[place] = 0xff000000 | ((((old & 0xff00ff) * b + both * a) >>> 8) & 0xff00ff) | ((((old & 0xff00) * b + green * a) >>> 8) & 0xff00);
      }
    }
  }
};
