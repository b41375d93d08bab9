// Conditions such as `year>=2020 and lang=en`: read into parts, and written again. The server has the last word.
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`;
const CONDITION = new RegExp(String.raw`\s*(${QUOTED}|[^\s"'=!<>]+)\s*(!=|>=|<=|==|=|>|<)\s*(${QUOTED}|[^\s"'=!<>][^\s"']*)`, "sy");
const AND = /\s+and\s+/iy;

const plain = (token) => (/^["']/.test(token) ? token.slice(1, -1).replace(/\\(.)/gs, "$1") : token);
const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
const field = (name) => (/^[^\s"'=!<>]+$/.test(name) ? name : quoted(name));
const value = (text) => (/^[^\s"'=!<>][^\s"']*$/.test(text) ? text : quoted(text));

// [{field, op, value}], or null where the text is not conditions (the server then says what is wrong with it).
export const read = (text) => {
  const out = [];
  let at = 0;
  if (!text?.trim()) return out;
  for (;;) {
    CONDITION.lastIndex = at;
    const found = CONDITION.exec(text);
    if (!found) return null;
    out.push({ field: plain(found[1]), op: found[2] === "==" ? "=" : found[2], value: plain(found[3]) });
    at = CONDITION.lastIndex;
    if (!text.slice(at).trim()) return out;
    AND.lastIndex = at;
    if (!AND.exec(text)) return null;
    at = AND.lastIndex;
  }
};
export const write = (conditions) => conditions.map((one) => `${field(one.field)}${one.op}${value(one.value)}`).join(" and ");
export const same = (a, b) => a.field === b.field && a.op === b.op && a.value === b.value;

// In words, for people: "kind is class".
const SAID = { "=": "is", "!=": "is not", ">=": "from", "<=": "to", ">": "over", "<": "under" };
export const said = (one) => [one.field, SAID[one.op], one.value];

// Toggle `field = value`; the field's other "=" conditions go, since a document has one value of a field.
export const toggle = (conditions, name, chosen, op = "=") => {
  const one = { field: name, op, value: String(chosen) };
  if (conditions.some((each) => same(each, one))) return conditions.filter((each) => !same(each, one));
  return [...conditions.filter((each) => each.field !== name || (op === "!=" ? each.op !== "=" && !(each.op === "!=" && each.value === one.value) : !["=", "!="].includes(each.op))), one];
};
// From and to of a field: "" takes an end away. below: the end itself is left out.
export const between = (conditions, name, from, to, below = "<=") => [
  ...conditions.filter((each) => each.field !== name || !["<", "<=", ">", ">="].includes(each.op)),
  ...(from === "" ? [] : [{ field: name, op: ">=", value: from }]), ...(to === "" ? [] : [{ field: name, op: below, value: to }])];
