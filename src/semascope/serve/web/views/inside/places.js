// What a text is called in the URL and what the server is asked for it, and the same for dials.

// "text:..." is a text typed, "query:..." one encoded as a query, anything else the id of a document ("id:" before one
// that begins like a text).
export const placeOf = (key, span = "") => {
  if (!key) return null;
  const at = key.indexOf(":");
  const kind = at > 0 ? key.slice(0, at) : "";
  const rest = key.slice(at + 1);
  if (kind === "text" || kind === "query") return rest.trim() ? { [kind]: rest } : null;
  const id = kind === "id" ? rest : key;
  const ends = /^(\d+)[-,](\d+)$/.exec(span);
  return ends ? { id, span: [Number(ends[1]), Number(ends[2])] } : { id };
};

export const keyOf = (place) => {
  if (place.text !== undefined) return `text:${place.text}`;
  if (place.query !== undefined) return `query:${place.query}`;
  return /^(text|query|id):/.test(place.id) ? `id:${place.id}` : place.id;
};

export const LEAST = -2;
export const MOST = 2;
export const STEP = 0.1;

const guarded = (text) => text.replace(/[%;*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
const unguarded = (text) => text.replace(/%(25|3b|2a)/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
const bounded = (amount) => Math.round(Math.min(MOST, Math.max(LEAST, amount)) * 100) / 100;

// "text:fees*0.8;group:3*-0.5;id:mit*1" as [{kind, value, amount}]; what cannot be read is left out.
export const dialsOf = (key) => (key ?? "").split(";").flatMap((part) => {
  const found = /^(text|group|id):(.+)\*(-?\d*\.?\d+)$/s.exec(part);
  if (!found) return [];
  const [, kind, value, amount] = found;
  if (kind === "group" && !/^\d+$/.test(value)) return [];
  return [{ kind, value: unguarded(value), amount: bounded(Number(amount)) }];
});

export const dialsKey = (dials) => dials.map(({ kind, value, amount }) => `${kind}:${guarded(String(value))}*${amount}`).join(";");

// As the server takes them; one that stands at nought turns nothing.
export const asked = (dials) => dials.filter(({ amount }) => amount !== 0)
  .map(({ kind, value, amount }) => ({ [kind]: kind === "group" ? Number(value) : value, amount }));

export const withDial = (dials, { kind, value, amount = 1 }) => {
  const name = String(value);
  const rest = dials.filter((one) => one.kind !== kind || one.value !== name);
  return [...rest, { kind, value: name, amount: bounded(amount) }];
};
