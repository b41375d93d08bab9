// The map: points written straight into an image, so that a hundred thousand move with the hand.
const M = { canvas: byId("map"), s: 1, tx: 0, ty: 0, fit: 1, colour: null, lit: null, hits: [], mark: -1, by: "groups", grid: null, wide: 0, high: 0, dpr: 1, image: null, due: false };

// Colours of even lightness (OKLCH), in sRGB.
const oklch = (l, c, h) => {
  const a = c * Math.cos((h * Math.PI) / 180), b = c * Math.sin((h * Math.PI) / 180);
  const [x, y, z] = [l + 0.3963377774 * a + 0.2158037573 * b, l - 0.1055613458 * a - 0.0638541728 * b, l - 0.0894841775 * a - 1.291485548 * b].map((v) => v ** 3);
  return [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z, -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z, -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z]
    .map((v) => Math.round(255 * Math.min(1, Math.max(0, v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055))));
};
const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const hue = (number) => oklch((dark() ? 0.76 : 0.6) + [0, 0.07, -0.07][number % 3], dark() ? 0.125 : 0.14, (25 + number * 137.508) % 360);
const ramp = (share) => (dark() ? oklch(0.45 + 0.4 * share, 0.14, 285 - 190 * share) : oklch(0.82 - 0.42 * share, 0.13, 95 + 190 * share));
const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
const parsed = (name) => {
  const probe = el("i", { style: { color: `var(${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
};

// What can be shown by colour: of each row a class or a share, and the legend.
const manners = () => {
  const f = D.facts, out = { groups: { name: "group", of: D.of, names: f.groups.map((one) => one.name), filter: "group" } };
  if (D.label) out.labels = { name: "label", of: D.label, names: f.labels_names, filter: "label" };
  if (D.when) out.time = { name: "time", share: D.when, ends: f.when };
  if (D.lang) out.languages = { name: "language", of: D.lang, names: f.langs_names, filter: "lang" };
  if (f.outliers.rows.length) out.outliers = { name: "outliers", share: D.strange, ends: ["like others", "unlike any"], sparse: true };
  return out;
};
const paint = () => {
  const how = manners()[M.by], dim = parsed("--dim");
  M.colour = new Uint32Array(D.n);
  const known = new Map();
  const pick = (key, make) => known.get(key) ?? (known.set(key, make()), known.get(key));
  for (let row = 0; row < D.n; row++) {
    let rgb = dim;
    if (how.of) { if (how.of[row] >= 0) rgb = pick(how.of[row], () => hue(how.of[row])); }
    else if (!Number.isNaN(how.share[row]) && !(how.sparse && how.share[row] === 0)) {
      const step = Math.round(how.share[row] * 63);
      rgb = pick(step, () => (how.sparse ? parsed("--hit") : ramp(step / 63)));
    }
    M.colour[row] = (rgb[2] << 16) | (rgb[1] << 8) | rgb[0];
  }
  legend(how);
  ask();
};
const legend = (how) => {
  const box = byId("legend");
  if (how.share) {
    if (how.sparse) { box.replaceChildren(el("span", {}, el("span", { class: "dot", style: { background: "var(--hit)" } }), counted(D.facts.outliers.rows.length, "row"), " unlike any others")); return; }
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => css(ramp(share))).join(", ");
    box.replaceChildren(el("span", { text: how.ends[0] }), el("span", { class: "ramp", style: { background: `linear-gradient(90deg, ${stops})` } }), el("span", { text: how.ends[1] }));
    return;
  }
  if (M.by === "groups") { box.replaceChildren(); return; }
  const sizes = new Map();
  for (const one of how.of) if (one >= 0) sizes.set(one, (sizes.get(one) ?? 0) + 1);
  const first = [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  box.replaceChildren(...first.map(([one, size]) => el("button", { type: "button", "aria-pressed": String(V.filter?.kind === how.filter && V.filter.value === one),
    onclick: () => choose(V.filter?.kind === how.filter && V.filter.value === one ? null : { kind: how.filter, value: one }) },
    el("span", { class: "dot", style: { background: css(hue(one)) } }), `${shorten(how.names[one], 24)} `, el("small", { text: count(size) }))),
    sizes.size > 12 && el("span", { text: `and ${sizes.size - 12} more` }) || "");
};

const ask = () => { if (!M.due) { M.due = true; requestAnimationFrame(() => { M.due = false; draw(); }); } };
const stamps = new Map();
const stamp = (radius, wide) => {
  const key = `${radius}|${wide}`;
  if (!stamps.has(key)) {
    const reach = Math.ceil(radius), steps = [], shares = [];
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
      const share = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
      if (share > 0.02) { steps.push(dy * wide + dx); shares.push(share); }
    }
    if (stamps.size > 40) stamps.clear();
    stamps.set(key, { reach, steps: Int32Array.from(steps), shares: Float32Array.from(shares) });
  }
  return stamps.get(key);
};
const radius = () => {
  const zoomed = Math.sqrt(M.s / M.fit), base = D.n > 50_000 ? 1 : D.n > 15_000 ? 1.4 : D.n > 4_000 ? 2 : D.n > 800 ? 2.8 : 3.8;
  return Math.round(2 * Math.min(7, base * Math.min(zoomed, 3)) * M.dpr) / 2;
};
const draw = () => {
  const { canvas, wide, high } = M;
  if (!wide || !D.x) return;
  const pixels = new Uint32Array(M.image.data.buffer), word = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  pixels.fill(word(M.back));
  const r = radius(), dot = stamp(r, wide), busy = D.n > 15_000 ? 0.72 : 0.85;
  const s = M.s * M.dpr, tx = M.tx * M.dpr, ty = M.ty * M.dpr, edge = dot.reach;
  const pass = (lit, strength) => {
    const { steps, shares } = dot, many = steps.length, faint = word(M.faint);
    const over = Int32Array.from(shares, (share) => Math.round(256 * share * strength)), under = over.map((share) => 256 - share);
    for (let row = 0; row < D.n; row++) {
      if (M.lit && (M.lit[row] === 1) !== lit) continue;
      const x = Math.round(D.x[row] * s + tx), y = Math.round(D.y[row] * s + ty);
      if (x < edge || y < edge || x >= wide - edge || y >= high - edge) continue;
      // Red and blue are mixed in one multiplication, green in another.
      const at = y * wide + x, ink = lit ? M.colour[row] : faint, both = ink & 0xff00ff, green = ink & 0xff00;
      for (let i = 0; i < many; i++) {
        const place = at + steps[i], old = pixels[place], a = over[i], b = under[i];
        pixels[place] = 0xff000000 | ((((old & 0xff00ff) * b + both * a) >>> 8) & 0xff00ff) | ((((old & 0xff00) * b + green * a) >>> 8) & 0xff00);
      }
    }
  };
  if (M.lit) pass(false, 0.55);
  pass(true, M.lit ? 0.95 : busy);
  M.pen.putImageData(M.image, 0, 0);
  rings(s, tx, ty, r);
  names();
};
const rings = (s, tx, ty, r) => {
  const pen = M.pen, ring = (row, size, width) => {
    pen.lineWidth = width * M.dpr;
    pen.beginPath();
    pen.arc(D.x[row] * s + tx, D.y[row] * s + ty, r + size * M.dpr, 0, 2 * Math.PI);
    pen.stroke();
  };
  pen.strokeStyle = css(M.hot);
  for (const row of M.hits) ring(row, 2.5, 1.6);
  if (M.mark >= 0) { pen.strokeStyle = css(M.ink); ring(M.mark, 4, 2.2); }
};
// As many of a group's first words as are short enough for the map.
const brief = ({ words, name }) => {
  const fits = [3, 2, 1].map((many) => words.slice(0, many).join(", ")).find((text) => text && text.length <= 28);
  return fits ?? shorten(words[0] ?? name, 28);
};
// Names of groups, the largest first, where they do not lie on each other.
const names = () => {
  const box = byId("names"), taken = [];
  if (box.childElementCount !== D.facts.groups.length) {
    box.replaceChildren(...D.facts.groups.map((one) => el("span", { class: one.stable ? "" : "shaky" },
      el("span", { class: "dot" }), brief(one), one.stable ? "" : " (unstable)")));
    M.sizes = [...box.children].map((node) => [node.offsetWidth, node.offsetHeight]);
    for (const node of box.children) node.style.visibility = "hidden";
  }
  const wide = M.wide / M.dpr, high = M.high / M.dpr, buttons = byId("zoom-in").parentElement;
  // So many that the points can still be seen between them.
  let left = Math.max(5, Math.round((wide * high) / 28_000));
  taken.push([buttons.offsetLeft, buttons.offsetTop, buttons.offsetWidth, buttons.offsetHeight]);
  const chosen = V.filter?.kind === "group" ? V.filter.value : -1;
  const order = D.facts.groups.map((_, at) => at).sort((a, b) => (b === chosen) - (a === chosen) || D.facts.groups[b].n - D.facts.groups[a].n);
  for (const at of order) {
    const one = D.facts.groups[at], node = box.children[at], [w, h] = M.sizes[at];
    let x = one.at[0] * M.s + M.tx, y = one.at[1] * M.s + M.ty;
    const inside = x > 0 && y > 0 && x < wide && y < high;
    x = Math.min(Math.max(x - w / 2, 4), wide - w - 4);
    y = Math.min(Math.max(y - h / 2, 4), high - h - 4);
    const free = inside && !taken.some(([a, b, c, d]) => x < a + c + 4 && a < x + w + 4 && y < b + d + 3 && b < y + h + 3);
    const show = free && left > 0 && (M.by === "groups" || at === chosen) && (chosen < 0 || at === chosen || M.s > 1.5 * M.fit);
    node.style.visibility = show ? "visible" : "hidden";
    if (!show) continue;
    taken.push([x, y, w, h]);
    left--;
    node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    node.firstChild.style.background = css(hue(at));
    node.classList.toggle("chosen", at === chosen);
  }
};

const whole = () => {
  const wide = M.wide / M.dpr, high = M.high / M.dpr, pad = Math.min(28, 0.06 * wide), [w, h] = D.facts.span;
  M.s = M.fit = Math.min((wide - 2 * pad) / w, (high - 2 * pad) / h);
  M.tx = (wide - w * M.s) / 2;
  M.ty = (high - h * M.s) / 2;
  M.canvas.style.touchAction = "pan-y";
  ask();
};
const zoom = (by, x = M.wide / M.dpr / 2, y = M.high / M.dpr / 2) => {
  const next = Math.min(Math.max(M.s * by, M.fit), M.fit * 200), share = next / M.s;
  M.tx = x - (x - M.tx) * share;
  M.ty = y - (y - M.ty) * share;
  M.s = next;
  if (next <= M.fit * 1.0001) whole();
  M.canvas.style.touchAction = next > M.fit * 1.01 ? "none" : "pan-y";
  ask();
};
const pan = (dx, dy) => { M.tx += dx; M.ty += dy; ask(); };
const goTo = (row) => {
  M.mark = row;
  if (M.s < 4 * M.fit) M.s = 4 * M.fit;
  M.tx = M.wide / M.dpr / 2 - D.x[row] * M.s;
  M.ty = M.high / M.dpr / 2 - D.y[row] * M.s;
  M.canvas.style.touchAction = "none";
  ask();
};

// Which row is nearest to a place: rows sorted into cells.
const CELLS = 128;
const makeGrid = () => {
  const starts = new Int32Array(CELLS * CELLS + 1), rows = new Int32Array(D.n), cell = new Int32Array(D.n), step = 65536 / CELLS;
  for (let row = 0; row < D.n; row++) { cell[row] = Math.floor(D.y[row] / step) * CELLS + Math.floor(D.x[row] / step); starts[cell[row] + 1]++; }
  for (let at = 0; at < CELLS * CELLS; at++) starts[at + 1] += starts[at];
  const next = starts.slice();
  for (let row = 0; row < D.n; row++) rows[next[cell[row]]++] = row;
  M.grid = { starts, rows, step };
};
const rowAt = (x, y, reach = 14) => {
  const { starts, rows, step } = M.grid, px = (x - M.tx) / M.s, py = (y - M.ty) / M.s, far = reach / M.s;
  const clip = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v / step)));
  let best = -1, least = far * far;
  for (let cy = clip(py - far); cy <= clip(py + far); cy++) for (let cx = clip(px - far); cx <= clip(px + far); cx++) {
    for (let at = starts[cy * CELLS + cx]; at < starts[cy * CELLS + cx + 1]; at++) {
      const row = rows[at];
      if (M.lit && M.lit[row] !== 1) continue;
      const away = (D.x[row] - px) ** 2 + (D.y[row] - py) ** 2;
      if (away < least) { least = away; best = row; }
    }
  }
  return best;
};
const tip = (row, x, y) => {
  const box = byId("tip");
  box.hidden = row < 0;
  if (row < 0) return;
  box.replaceChildren(el("span", { text: shorten(textOf(row), 260), dir: "auto" }), el("small", { text: metaOf(row) }));
  const wide = M.wide / M.dpr, high = M.high / M.dpr;
  box.style.left = `${Math.max(4, Math.min(x + 14, wide - box.offsetWidth - 6))}px`;
  box.style.top = `${y + 18 + box.offsetHeight < high ? y + 18 : Math.max(4, y - box.offsetHeight - 14)}px`;
};
const point = (row, x, y) => {
  if (row === M.mark && row >= 0 === !byId("tip").hidden) { if (row >= 0) tip(row, x, y); return; }
  M.mark = row;
  tip(row, x, y);
  ask();
};

const size = () => {
  const box = M.canvas.getBoundingClientRect(), first = !M.wide, ratio = M.fit && !first ? M.s / M.fit : 1;
  M.dpr = Math.min(2, devicePixelRatio || 1);
  const wide = Math.round(box.width * M.dpr), high = Math.round(box.height * M.dpr);
  if (!wide || !high) return;
  M.canvas.width = M.wide = wide;
  M.canvas.height = M.high = high;
  M.pen = M.canvas.getContext("2d", { alpha: false });
  M.image = M.pen.createImageData(wide, high);
  whole();
  if (ratio > 1.01) zoom(ratio);
  draw();
};
const tint = () => {
  [M.back, M.faint, M.hot, M.ink] = ["--map", "--dim", "--hit", "--ink"].map(parsed);
  paint();
};
const listen = () => {
  const { canvas } = M, held = new Map();
  let moved = 0, spread = 0;
  const local = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); held.set(event.pointerId, local(event)); moved = 0; spread = 0; });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = local(event);
    if (!held.has(event.pointerId)) { point(rowAt(x, y), x, y); return; }
    const [px, py] = held.get(event.pointerId);
    held.set(event.pointerId, [x, y]);
    moved += Math.abs(x - px) + Math.abs(y - py);
    if (held.size === 2) {
      const [a, b] = [...held.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) zoom(now / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = now;
      pan((x - px) / 2, (y - py) / 2);
    } else if (moved > 4) { byId("tip").hidden = true; pan(x - px, y - py); }
  });
  const leave = (event) => { held.delete(event.pointerId); spread = 0; };
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = local(event);
    leave(event);
    if (moved > 4) return;
    const row = rowAt(x, y, event.pointerType === "touch" ? 26 : 14);
    if (row >= 0) { M.mark = row; byId("tip").hidden = true; ask(); showRow(row); }
  });
  canvas.addEventListener("pointercancel", leave);
  canvas.addEventListener("pointerleave", () => { if (!held.size) point(-1); });
  canvas.addEventListener("wheel", (event) => {
    // At the whole map, rolling on goes down the page as everywhere.
    if (event.deltaY > 0 && M.s <= M.fit * 1.001 && !event.ctrlKey) return;
    event.preventDefault();
    const [x, y] = local(event);
    zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.002)), x, y);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 160 : 48, keys = {
      ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0), ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step),
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: whole, Home: whole,
      Enter: () => M.mark >= 0 && showRow(M.mark), Escape: () => (V.filter || V.query ? choose(null) : whole()),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
    if (event.key === "Enter" || event.key === "Escape") return;
    const x = M.wide / M.dpr / 2, y = M.high / M.dpr / 2, row = rowAt(x, y, 60);
    point(row, x, y);
    announce(row >= 0 ? `${metaOf(row)}: ${shorten(textOf(row), 200)}` : "No row near the middle of the map");
  });
  canvas.addEventListener("blur", () => point(-1));
  for (const [id, act] of [["zoom-in", () => zoom(1.6)], ["zoom-out", () => zoom(1 / 1.6)], ["zoom-all", whole]]) byId(id).addEventListener("click", act);
  new ResizeObserver(size).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tint);
};
