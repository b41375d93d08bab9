// What the page carries: each part deflated and in base64, in a script tag that is no script.
const bytes = async (name) => {
  const tag = byId(`data-${name}`);
  if (!tag) return null;
  const text = tag.textContent.trim();
  tag.remove();
  let packed;
  if (Uint8Array.fromBase64) packed = Uint8Array.fromBase64(text);
  else {
    const letters = atob(text);
    packed = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at++) packed[at] = letters.charCodeAt(at);
  }
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};
const list = async (name) => {
  const found = await bytes(name);
  return found === null ? null : new TextDecoder().decode(found).split("\0");
};
const array = async (name, kind) => {
  const found = await bytes(name);
  return found === null ? null : new kind(found);
};

const D = { facts: null, n: 0, x: null, y: null, of: null, texts: null, ids: null, label: null, lang: null, when: null, times: null };

// First what the map needs, so that it is there at once.
const loadMap = async () => {
  D.facts = JSON.parse(new TextDecoder().decode(await bytes("facts")));
  const places = await array("places", Uint16Array);
  D.n = places.length / 2;
  D.x = places.subarray(0, D.n);
  D.y = places.subarray(D.n);
  D.of = await array("of", Int16Array);
  D.label = await array("label", Int32Array);
  D.lang = await array("lang", Int16Array);
  D.when = await array("when", Float32Array);
  D.strange = new Float32Array(D.n);
  const odd = D.facts.outliers;
  odd.rows.forEach((row, at) => { D.strange[row] = 1 - (0.7 * at) / odd.rows.length; });
};
const loadTexts = async () => {
  D.texts = (await list("texts")) ?? Array(D.n).fill("");
  D.ids = await list("ids");
  D.times = await list("times");
};
const idOf = (row) => (D.ids ? D.ids[row] : String(row + 1));
const textOf = (row) => D.texts?.[row] || (D.facts.texts ? "(empty text)" : `Row ${idOf(row)} (vectors without texts)`);
const labelOf = (row) => (D.label && D.label[row] >= 0 ? D.facts.labels_names[D.label[row]] : "");
const langOf = (row) => (D.lang && D.lang[row] >= 0 ? D.facts.langs_names[D.lang[row]] : "");
const groupOf = (row) => (D.of[row] >= 0 ? D.facts.groups[D.of[row]] : null);
const metaOf = (row) => [`#${idOf(row)}`, groupOf(row)?.name ?? "in no group", labelOf(row)].filter(Boolean).join(" · ");
