// The filters: conditions as text, values of each field with their counts, ranges, tags.
import { count, debounce, el, icon } from "../../kit.js";
import { between, read, same, toggle, write } from "./where.js";

const FIRST = 6, LONG = 12, OPEN = 3;

// Fields that tell documents apart rather than sort them come last, closed; the id is not a filter.
export const ordered = (fields) => {
  const weight = (one) => (one.kind === "text" ? (one.distinct > 0.5 * one.documents ? 3 : one.distinct > 200 ? 2 : 0) : one.kind === "time" ? 0.5 : 1);
  // The label is often one of the other columns under a second name: once is enough.
  const twin = (one, at) => one.distinct > 1 && fields.some((other, place) => place !== at && other.distinct === one.distinct && (one.name === "label" || (other.name !== "label" && place < at)) && other.documents === one.documents && JSON.stringify(other.values) === JSON.stringify(one.values));
  return fields.filter((one, at) => one.name !== "id" && one.distinct > 0 && !(one.kind === "text" && one.name === "title") && !twin(one, at) && (one.kind === "text" || one.least !== null)).sort((a, b) => weight(a) - weight(b));
};

const values = (field, ctx) => {
  const list = el("ul", { class: "values" }), search = el("input", { type: "search", "aria-label": `Find a value of ${field.name}`, placeholder: `Find among ${count(field.distinct)}` });
  let all = false;
  const item = ({ value, n }) => {
    const text = String(value), on = ctx.conditions.some((one) => same(one, { field: field.name, op: "=", value: text })), not = ctx.conditions.some((one) => same(one, { field: field.name, op: "!=", value: text }));
    return el("li", { class: not ? "not" : "" },
      el("button", { type: "button", class: "value", "aria-pressed": String(on), "data-field": field.name, "data-value": text, onclick: () => ctx.set(toggle(ctx.conditions, field.name, text)) },
        el("bdi", { text: text === "" ? "(empty)" : text }), n === null ? null : el("span", { class: "num", text: count(n) })),
      el("button", { type: "button", class: "quiet except", "aria-pressed": String(not), "aria-label": `All but ${text}`, title: not ? "No longer left out" : "Leave these out", onclick: () => ctx.set(toggle(ctx.conditions, field.name, text, "!=")) }, icon("close")));
  };
  const draw = () => {
    const asked = search.value.trim().toLowerCase(), chosen = ctx.conditions.filter((one) => one.field === field.name && ["=", "!="].includes(one.op)).map((one) => one.value);
    const listed = [...chosen.filter((one) => !field.values.some((each) => String(each.value) === one)).map((value) => ({ value, n: null })), ...field.values];
    const found = listed.filter((one) => !asked || String(one.value).toLowerCase().includes(asked));
    const shown = all || asked ? found : found.filter((one, at) => at < FIRST || chosen.includes(String(one.value)));
    const hidden = found.length - shown.length, unlisted = field.distinct - field.values.length;
    list.replaceChildren(...shown.map(item),
      ...(hidden > 0 ? [el("li", {}, el("button", { type: "button", class: "quiet more", text: `${count(hidden)} more`, onclick: () => { all = true; draw(); } }))] : []),
      // Only the commonest values are told by the server: a rarer one can be typed whole.
      ...(asked && unlisted > 0 && !found.some((one) => String(one.value).toLowerCase() === asked) ? [el("li", {}, el("button", { type: "button", class: "quiet more", text: `Only “${search.value.trim()}”`, onclick: () => ctx.set(toggle(ctx.conditions, field.name, search.value.trim())) }))] : []),
      ...((all || asked) && unlisted > 0 ? [el("li", { class: "note", text: `${count(unlisted)} rarer values are not listed: type one whole.` })] : []));
  };
  search.addEventListener("input", debounce(draw, 80));
  search.addEventListener("keydown", (event) => { if (event.key === "Escape" && search.value) { event.preventDefault(); event.stopPropagation(); search.value = ""; draw(); } });
  draw();
  return [field.distinct > LONG ? search : null, list];
};

const DAY = /^\d{4}-\d{2}-\d{2}/;
const dayAfter = (text) => { const day = new Date(`${text}T00:00:00Z`); day.setUTCDate(day.getUTCDate() + 1); return day.toISOString().slice(0, 10); };
const dayBefore = (text) => { const day = new Date(`${text}T00:00:00Z`); day.setUTCDate(day.getUTCDate() - 1); return day.toISOString().slice(0, 10); };
const range = (field, ctx) => {
  const days = field.kind === "time" && DAY.test(String(field.least)) && DAY.test(String(field.most));
  const now = (ops) => ctx.conditions.find((one) => one.field === field.name && ops.includes(one.op));
  const under = now(["<", "<="]), kind = days ? "date" : field.kind === "number" ? "number" : "text";
  const shown = (value) => (days ? String(value).slice(0, 10) : String(value));
  const input = (says, value, edge) => el("input", { type: kind, "aria-label": `${field.name} ${says}`, value: value ?? "", placeholder: shown(edge), min: days ? shown(field.least) : null, max: days ? shown(field.most) : null, step: kind === "number" ? "any" : null, onchange: () => send() });
  // Whole days: times of the last day count too, so "to" is "before the day after".
  const from = input("from", now([">=", ">"])?.value, field.least), to = input("to", under && days && under.op === "<" && DAY.test(under.value) ? dayBefore(under.value) : under?.value, field.most);
  const send = () => {
    if (!from.checkValidity() && kind === "number") return;
    const last = to.value.trim();
    ctx.set(between(ctx.conditions, field.name, from.value.trim(), days && last ? dayAfter(last) : last, days ? "<" : "<="));
  };
  return [el("div", { class: "range" }, from, el("span", { "aria-hidden": "true", text: "to" }), to), days ? null : el("p", { class: "note num", text: `${shown(field.least)} to ${shown(field.most)} here` })];
};

const tagList = (tags, ctx) => el("ul", { class: "values" }, ...tags.map(({ name, n }) => el("li", {},
  el("button", { type: "button", class: "value", "aria-pressed": String(ctx.tag === name), "data-tag": name, onclick: () => ctx.setTag(ctx.tag === name ? "" : name) }, el("bdi", { text: name }), el("span", { class: "num", text: count(n) })))));

const group = (name, about, open, inside) => el("details", { class: "field", open: open || null, "data-name": name }, el("summary", {}, el("bdi", { text: name }), about ? el("span", { class: "note num", text: about }) : null), ...inside.filter(Boolean));

// What stays over redrawings: the text of the conditions, and which fields are open.
export class Filters {
  constructor(app) {
    this.app = app;
    this.fields = [];
    this.tags = [];
    this.text = el("input", { type: "text", id: "where", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "where-error", enterkeyhint: "go" });
    this.error = el("p", { id: "where-error", class: "error", role: "alert", hidden: true });
    this.lists = el("div", { class: "fields" });
    const form = el("form", { class: "condition", onsubmit: (event) => { event.preventDefault(); this.send(); } }, el("label", { for: "where", text: "Conditions" }), this.text, this.error);
    this.text.addEventListener("change", () => this.send());
    this.node = el("div", { class: "filters" }, form, this.lists);
  }

  send() {
    const where = this.text.value.trim();
    if (where !== (this.app.state.where ?? "")) this.app.go({ where, k: "" });
  }

  // What the conditions could be here: made of the fields there are.
  example() {
    const all = ordered(this.fields), text = all.find((one) => one.kind === "text" && one.values.length), other = all.find((one) => one.kind !== "text");
    const parts = [text && { field: text.name, op: "=", value: String(text.values[0].value) }, other && { field: other.name, op: ">=", value: String(other.least).slice(0, 10) }].filter(Boolean);
    this.text.placeholder = parts.length ? write(parts) : "field=value";
  }

  // The server's word on the conditions; "" when they are right.
  refused(message) {
    this.error.hidden = !message;
    this.error.textContent = message;
    if (message) this.text.setAttribute("aria-invalid", "true"); else this.text.removeAttribute("aria-invalid");
  }

  rank(name) {
    const at = ordered(this.fields).findIndex((one) => one.name === name);
    return at < 0 ? 99 : at;
  }

  get any() { return this.fields.length > 0 || this.tags.length > 0; }

  update(state) {
    if (document.activeElement !== this.text || this.text.value.trim() !== (state.where ?? "")) this.text.value = state.where ?? "";
    this.text.title = state.where ?? "";
    const conditions = read(state.where), was = document.activeElement, kept = was && this.lists.contains(was) ? [was.dataset.field, was.dataset.value, was.getAttribute("aria-label")] : null;
    const open = new Map([...this.lists.querySelectorAll("details")].map((one) => [one.dataset.name, one.open]));
    const ctx = { conditions: conditions ?? [], tag: state.tag ?? "", set: (next) => this.app.go({ where: write(next), k: "" }), setTag: (tag) => this.app.go({ tag, k: "" }) };
    const isOpen = (name, otherwise) => open.get(name) ?? otherwise;
    this.lists.replaceChildren(...(this.tags.length ? [group("Tags", "", isOpen("Tags", true), [tagList(this.tags, ctx)])] : []),
      ...ordered(this.fields).map((field, at) => group(field.name, field.kind === "text" ? count(field.distinct) : "", isOpen(field.name, (at < OPEN && field.distinct <= 0.5 * field.documents) || ctx.conditions.some((one) => one.field === field.name)), field.kind === "text" ? values(field, ctx) : range(field, ctx))));
    if (!kept) return;
    const again = [...this.lists.querySelectorAll("button, input")].find((one) => one.dataset.field === kept[0] && one.dataset.value === kept[1] && one.getAttribute("aria-label") === kept[2]);
    again?.focus();
  }
}
