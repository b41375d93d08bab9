// Search by meaning: the sum of a query's word vectors against every row; and by the words as they stand.
const S = { ready: null, k: 0, rows: null, norm: null, scale: null, offset: null, words: null, sizes: null, known: new Map(), weights: null, lower: null, starts: null };

const unpack = (packed, k, bits) => {
  if (bits === 8) return packed;
  const half = (k + 1) >> 1, n = packed.length / half, out = new Uint8Array(n * k);
  for (let row = 0, from = 0, to = 0; row < n; row++, from += half) {
    for (let at = 0; at < k; at++) out[to++] = at & 1 ? packed[from + (at >> 1)] >> 4 : packed[from + (at >> 1)] & 15;
  }
  return out;
};
const loadSearch = async () => {
  const how = D.facts.search;
  S.k = how.k;
  S.scale = Float32Array.from(how.scale);
  S.offset = Float32Array.from(how.offset);
  S.rows = unpack(await array("rows", Uint8Array), S.k, how.bits);
  S.norm = new Float32Array(D.n);
  for (let row = 0, at = 0; row < D.n; row++) {
    let sum = 0;
    for (let j = 0; j < S.k; j++, at++) { const v = S.rows[at] * S.scale[j] + S.offset[j]; sum += v * v; }
    S.norm[row] = Math.sqrt(sum) || 1;
  }
  if (how.words) {
    S.words = unpack(await array("words", Uint8Array), S.k, how.words.bits);
    S.weights = await array("weights", Float32Array);
    S.sizes = await array("sizes", Float32Array);
    (await list("vocabulary")).forEach((word, at) => S.known.set(word, at));
  }
};

// As the words were cut when the page was made: one case, marks kept, pairs where a script has no spaces.
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々]+/u;
const cutter = new RegExp(`\\d+(?:[.,]\\d+)*(?![\\p{L}\\p{N}])|${unspaced.source}|(?:(?!${unspaced.source.slice(0, -1)})[\\p{L}\\p{N}\\p{M}])+`, "gu");
const wordsOf = (text) => {
  const out = [];
  for (const [run] of text.normalize("NFKC").toLowerCase().replaceAll("ß", "ss").matchAll(cutter)) {
    const letters = [...run];
    if (letters.length > 1 && unspaced.test(letters[0]) && !/\d/.test(letters[0])) {
      for (let at = 0; at + 1 < letters.length; at++) out.push(letters[at] + letters[at + 1]);
    } else out.push(run);
  }
  return out;
};

const vectorOf = (row) => Float32Array.from({ length: S.k }, (_, j) => S.rows[row * S.k + j] * S.scale[j] + S.offset[j]);
const unit = (vector) => {
  const size = Math.hypot(...vector);
  return size > 0 ? vector.map((value) => value / size) : vector;
};
const cosines = (query) => {
  const q = unit(query), { rows, norm, k } = S, out = new Float32Array(D.n), steps = q.map((value, j) => value * S.scale[j]);
  const fixed = q.reduce((sum, value, j) => sum + value * S.offset[j], 0);
  for (let row = 0, at = 0; row < D.n; row++) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += rows[at++] * steps[j];
    out[row] = (sum + fixed) / norm[row];
  }
  return out;
};
// The words of a query, and what each is read as: itself, or words of the corpus that begin as it does.
const readAs = (word) => {
  if (S.known.has(word)) return [S.known.get(word)];
  if (word.length < 5) return [];
  const stem = word.slice(0, Math.max(4, word.length - 3)), near = [];
  for (const [other, at] of S.known) {
    if (near.length === 3) break;
    if (other.startsWith(stem) && other.length <= word.length + 3) near.push(at);
  }
  return near;
};
const meaning = (words) => {
  const { words: codes, weights, sizes, k } = S, how = D.facts.search.words, out = new Float32Array(k);
  const unknown = [];
  let known = 0;
  for (const word of words) {
    const places = readAs(word);
    if (!places.length) unknown.push(word);
    for (const place of places) {
      known++;
      const weight = (weights[place] * sizes[place]) / places.length;
      for (let j = 0; j < k; j++) out[j] += weight * (codes[place * k + j] * how.scale[j] + how.offset[j]);
    }
  }
  return { vector: known ? out : null, unknown };
};

// Rows that hold the words as they stand: the weight of the words found, as a share of the query's.
const letter = /[\p{L}\p{N}]/u;
const literal = (words) => {
  if (!S.lower) {
    S.lower = D.texts.join("\0").toLowerCase();
    S.starts = new Int32Array(D.n + 1);
    for (let row = 1, at = 0; row < D.n; row++) S.starts[row] = at = S.lower.indexOf("\0", at) + 1;
    S.starts[D.n] = S.lower.length + 1;
  }
  const out = new Float32Array(D.n), every = [...new Set(words)];
  const weigh = (word) => (S.known.has(word) ? S.weights[S.known.get(word)] : Math.log(D.n + 1));
  const all = every.reduce((sum, word) => sum + weigh(word), 0) || 1;
  for (const word of every) {
    const share = weigh(word) / all, best = new Float32Array(D.n);
    const dense = unspaced.test(word);
    for (let at = S.lower.indexOf(word), row = 0; at >= 0; at = S.lower.indexOf(word, at + 1)) {
      while (S.starts[row + 1] <= at) row++;
      const before = !dense && at > 0 && letter.test(S.lower[at - 1]), after = !dense && letter.test(S.lower[at + word.length] ?? "");
      if (!before) best[row] = Math.max(best[row], after ? 0.6 : 1);
    }
    for (let row = 0; row < D.n; row++) out[row] += share * best[row];
  }
  return out;
};
const topOf = (scores, most, keep = () => true) => {
  const rows = [];
  for (let row = 0; row < scores.length; row++) if (scores[row] > -Infinity && keep(row)) rows.push(row);
  let few = rows;
  if (rows.length > 4 * most) {
    const sorted = Float32Array.from(rows, (row) => scores[row]).sort(), least = sorted[sorted.length - most];
    few = rows.filter((row) => scores[row] >= least);
  }
  return few.sort((a, b) => scores[b] - scores[a] || a - b).slice(0, most);
};
const LITERAL = 0.25;
const find = (query, manner = "both", most = 200, keep = () => true) => {
  const words = wordsOf(query), { vector, unknown } = S.words ? meaning(words) : { vector: null, unknown: words };
  const near = vector && manner !== "words" ? cosines(vector) : null;
  const there = D.facts.texts && manner !== "meaning" ? literal(words) : null;
  if (!near && !there) return { rows: [], words, unknown, near };
  const scores = new Float32Array(D.n);
  for (let row = 0; row < D.n; row++) {
    const sum = (near ? near[row] : 0) + (there ? (near ? LITERAL : 1) * there[row] : 0);
    scores[row] = !near && sum <= 0 ? -Infinity : sum;
  }
  return { rows: topOf(scores, most, keep), words, unknown, near };
};
const alike = (row, most = 10) => {
  const scores = cosines(vectorOf(row));
  scores[row] = -Infinity;
  return topOf(scores, most).map((other) => [other, scores[other]]);
};
