// "Label fifty, predict the rest": by hand and keyboard here, predicted by a ridge regression on the rows' vectors.
const L = { given: new Map(), names: [], at: 0, key: "" };

const keep = () => {
  try { localStorage.setItem(L.key, JSON.stringify([...L.given])); } catch { /* A browser that keeps nothing for files: labels last as long as the page. */ }
};
const recall = () => {
  L.key = `semascope-look-${D.facts.hash}`;
  try { for (const [row, name] of JSON.parse(localStorage.getItem(L.key) ?? "[]")) L.given.set(row, name); } catch { L.given.clear(); }
};
const namesNow = () => [...new Set([...(D.facts.labels ? Object.keys(D.facts.labels.counts).slice(0, 30) : []), ...L.names, ...L.given.values()])];

// Solve A W = B for A (n x n) symmetric and positive, by Cholesky.
const solved = (a, b, n, m) => {
  const l = Float64Array.from(a), w = Float64Array.from(b);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) {
    let sum = l[i * n + j];
    for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
    l[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / l[j * n + j];
  }
  for (let c = 0; c < m; c++) {
    for (let i = 0; i < n; i++) { let sum = w[i * m + c]; for (let k = 0; k < i; k++) sum -= l[i * n + k] * w[k * m + c]; w[i * m + c] = sum / l[i * n + i]; }
    for (let i = n - 1; i >= 0; i--) { let sum = w[i * m + c]; for (let k = i + 1; k < n; k++) sum -= l[k * n + i] * w[k * m + c]; w[i * m + c] = sum / l[i * n + i]; }
  }
  return w;
};
// Kernel ridge over the labelled rows; its strength by their own leave-one-out error, which is exact.
const predict = () => {
  const rows = [...L.given.keys()], names = [...new Set(L.given.values())], n = rows.length, m = names.length;
  if (n < 4 || m < 2) return null;
  const x = rows.map((row) => unit(vectorOf(row))), y = new Float64Array(n * m).fill(-1 / m);
  rows.forEach((row, i) => { y[i * m + names.indexOf(L.given.get(row))] += 1; });
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i * n + j] = x[i].reduce((sum, value, k) => sum + value * x[j][k], 0);
  const one = new Float64Array(n * n);
  for (let i = 0; i < n; i++) one[i * n + i] = 1;
  let best = null;
  for (const strength of [0.01, 0.03, 0.1, 0.3, 1, 3]) {
    const a = gram.slice();
    for (let i = 0; i < n; i++) a[i * n + i] += strength;
    const inverse = solved(a, one, n, n), weights = solved(a, y, n, m);
    let right = 0, lost = 0;
    for (let i = 0; i < n; i++) {
      let top = -1, most = -Infinity;
      for (let c = 0; c < m; c++) {
        const left = weights[i * m + c] / inverse[i * n + i], value = y[i * m + c] - left;
        lost += left * left;
        if (value > most) { most = value; top = c; }
      }
      right += names[top] === L.given.get(rows[i]) ? 1 : 0;
    }
    if (!best || lost < best.lost) best = { lost, right, weights };
  }
  const commonest = Math.max(...names.map((name) => rows.filter((row) => L.given.get(row) === name).length));
  const head = names.map((_, c) => { const w = new Float32Array(S.k); for (let i = 0; i < n; i++) for (let k = 0; k < S.k; k++) w[k] += best.weights[i * m + c] * x[i][k]; return w; });
  return { names, head, n, share: best.right / n, interval: wilson(best.right / n, n), guess: commonest / n };
};
const spread = (model) => {
  const top = new Int32Array(D.n), first = new Float32Array(D.n).fill(-Infinity), second = new Float32Array(D.n).fill(-Infinity), v = new Float32Array(S.k);
  for (let row = 0; row < D.n; row++) {
    for (let k = 0; k < S.k; k++) v[k] = (S.rows[row * S.k + k] * S.scale[k] + S.offset[k]) / S.norm[row];
    model.head.forEach((w, c) => {
      let sum = 0;
      for (let k = 0; k < S.k; k++) sum += w[k] * v[k];
      if (sum > first[row]) { second[row] = first[row]; first[row] = sum; top[row] = c; } else if (sum > second[row]) second[row] = sum;
    });
  }
  return { top, margin: first.map((value, row) => value - second[row]) };
};
const saveLabels = () => {
  const model = predict(), found = model && spread(model);
  download("labels.csv", [...ROW, "your_label", "given_by", "margin"], [...Array(D.n).keys()].map((row) => {
    const mine = L.given.get(row);
    return [...rowCells(row), mine ?? (found ? model.names[found.top[row]] : ""), mine ? "you" : found ? "predicted" : "", mine || !found ? "" : found.margin[row].toFixed(4)];
  }));
};

const say = (name) => {
  const rows = D.facts.few.rows;
  if (L.at >= rows.length || !name.trim()) return;
  L.given.set(rows[L.at], name.trim());
  if (!L.names.includes(name.trim())) L.names.push(name.trim());
  keep();
  step(1);
};
const step = (by) => { L.at = Math.min(D.facts.few.rows.length, Math.max(0, L.at + by)); labelling(); few(); };
const labelling = () => {
  const rows = D.facts.few.rows, done = rows.filter((row) => L.given.has(row)).length, row = rows[L.at], names = namesNow();
  const input = el("input", { type: "text", id: "new-label", autocomplete: "off", placeholder: "a new label, then Enter", "aria-label": "A new label", maxlength: "80",
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); say(input.value); } event.stopPropagation(); if (event.key === "Escape") byId("dialog").close(); } });
  const bottom = el("div", { class: "under" }, el("button", { type: "button", text: "← Before", disabled: L.at === 0, onclick: () => step(-1) }), el("button", { type: "button", text: "Skip →", disabled: L.at >= rows.length, onclick: () => step(1) }), el("button", { type: "button", text: "Download labels and predictions", disabled: !done, onclick: saveLabels }));
  const node = dialog(L.at < rows.length ? `Label row ${L.at + 1} of ${rows.length}` : "All seen", [
    el("progress", { max: rows.length, value: done, "aria-label": `${done} of ${rows.length} labelled` }),
    ...(L.at < rows.length ? [
      el("p", { class: "whole", dir: "auto", text: textOf(row), tabindex: "0" }),
      L.given.has(row) && el("p", { class: "note", text: `Labelled: ${L.given.get(row)}` }),
      el("div", { class: "choices" }, ...names.map((name, at) => el("button", { type: "button", onclick: () => say(name) }, at < 9 ? el("kbd", { text: String(at + 1) }) : "", ` ${name}`))),
      el("div", { class: "choices" }, input, el("button", { type: "button", text: "Use", onclick: () => say(input.value) })),
      el("p", { class: "note", text: "Keys: 1 to 9 choose, n types a new label, → skips, ← goes back, Esc closes." }),
    ] : [el("p", { text: verdictOf() })]), bottom]);
  node.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !byId("dialog").open || byId("dialog").dataset.kind !== "label") return;
    const number = Number(event.key);
    if (number >= 1 && number <= Math.min(9, names.length) && L.at < rows.length) { event.preventDefault(); say(names[number - 1]); }
    else if (event.key === "n" && byId("new-label")) { event.preventDefault(); byId("new-label").focus(); }
    else if (event.key === "ArrowRight") { event.preventDefault(); step(1); }
    else if (event.key === "ArrowLeft") { event.preventDefault(); step(-1); }
  };
  node.dataset.kind = "label";
  if (!names.length && byId("new-label")) byId("new-label").focus();
};
const verdictOf = () => {
  const model = predict(), done = L.given.size;
  if (!done) return "Nothing is labelled yet.";
  if (!model) return `${counted(done, "row")} labelled. With four rows and two labels the rest can be predicted.`;
  return `${counted(done, "row")} labelled, ${model.names.length} labels. Each of them is predicted right by the others in ${between([model.share, ...model.interval])} of cases; always guessing the commonest: ${percent(model.guess)}. The rows were chosen to be unlike each other, so the rest tend to be easier.`;
};
const few = () => {
  const f = D.facts.few;
  if (!f) return;
  const box = byId("few-box");
  const fill = [el("p", { text: verdictOf() }), el("div", { class: "under" },
    el("button", { type: "button", class: "main", text: L.given.size ? "Go on labelling" : "Start labelling", onclick: () => { const next = f.rows.findIndex((row) => !L.given.has(row)); L.at = next < 0 ? f.rows.length : next; labelling(); } }),
    el("button", { type: "button", text: "Download labels and predictions", disabled: !L.given.size, onclick: saveLabels }),
    el("button", { type: "button", text: "Start over", disabled: !L.given.size, onclick: () => { L.given.clear(); L.names = []; keep(); few(); } }))];
  if (box) { box.replaceChildren(...fill); return; }
  part("few", `Label ${f.rows.length}, predict the rest`, f.says, el("div", { id: "few-box", class: "card", style: { padding: ".8rem 1rem" } }, ...fill),
    table({ caption: `The ${counted(f.rows.length, "row")} to label`, name: "rows-to-label", head: [["Turn", "num"], ["Text", ""]], rows: f.rows.map((row, at) => [at, row]), first: 4, cells: ([at, row]) => [String(at + 1), rowButton(row)], csv: { head: ROW, rows: ([, row]) => [rowCells(row)] } }));
};
