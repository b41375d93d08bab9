// What is shown while nothing is asked: what the Space holds, and queries made of its own titles.
import { count, counted, el, shorten } from "../../kit.js";
import { write } from "./where.js";

const DRAWN = 12, TRIED = 5, SHOWN = 4, LONGEST = 60;

// A few passages, evenly spread over the encoding, so that the page is the same at each visit.
const drawn = async (app, signal) => {
  const one = app.encoding();
  if (!one?.passages) return [];
  const many = Math.min(DRAWN, one.passages), rows = [...Array(many).keys()].map((at) => Math.floor(((at + 0.5) * one.passages) / many));
  const got = await app.api.post("/x/map/rows", { encoding: one.name, rows: [...new Set(rows)] }, { signal });
  return got.rows;
};
// A query somebody could ask: a title that is one, else the first words of a text.
const asked = (row) => {
  const title = (row.title ?? "").trim(), flat = row.passage.replace(/\s+/g, " ").trim();
  if (title && title !== row.id && title.length <= LONGEST && /\s/.test(title) && !/[()[\]{}<>=]/.test(title)) return title;
  const words = (/^[^.!?。]{8,}?(?=[.!?。]|$)/u.exec(flat)?.[0] ?? flat).split(" ").slice(0, 7).join(" ");
  return words.length > LONGEST || words.length < 4 ? "" : words.replace(/[,;:(\s]+$/u, "");
};

export const home = (app, fields, { onready }) => {
  const { space, state } = app, one = app.encoding(), stop = new AbortController();
  const tries = el("p", { class: "tries" }), some = el("ul", { class: "samples" });
  const sorting = fields.filter((field) => field.kind === "text" && field.distinct > 1 && field.distinct <= Math.max(20, 0.2 * field.documents) && field.name !== "id").slice(0, 3);
  const node = el("div", { class: "home" },
    el("h1", {}, el("bdi", { text: space.name })),
    el("p", { class: "lead" }, `${counted(space.documents, "document")} in ${counted(space.passages, "passage")}, `, one?.queries === false ? "found by words" : "found by meaning and by words", ". ",
      one ? el("span", { class: "note" }, `Encoder: ${one.encoder ?? "not known"}${one.kind ? ` (${one.kind})` : ""}, ${count(one.dim)} numbers a passage.`) : null),
    state.where || state.tag ? el("p", { class: "within", text: "Type above to search within what the filters leave." }) : null,
    tries,
    ...sorting.map((field) => el("section", { class: "holds" }, el("h2", {}, el("bdi", { text: field.name })),
      el("p", { class: "row" }, ...field.values.slice(0, 8).map(({ value, n }) => el("a", { class: "chip", dir: "auto", href: app.href({ where: write([{ field: field.name, op: "=", value: String(value) }]), k: "" }) }, String(value), " ", el("span", { class: "num note", text: count(n) })))))),
    some);
  drawn(app, stop.signal).then((rows) => {
    const seen = new Set(), queries = rows.map(asked).filter((text) => text && !seen.has(text.toLowerCase()) && seen.add(text.toLowerCase())).slice(0, TRIED);
    if (queries.length && one?.queries !== false) tries.append(el("span", { class: "note", text: "Try" }), ...queries.map((q) => el("a", { class: "try", dir: "auto", href: app.href({ q, k: "" }), text: q })));
    const docs = new Set(), few = rows.filter((row, at) => at % 3 === 1 && !docs.has(row.id) && docs.add(row.id)).slice(0, SHOWN);
    if (few.length) some.append(...few.map((row) => el("li", {}, el("a", { href: app.href({ doc: row.id, span: row.span?.join("-") }) }, el("b", { dir: "auto", text: shorten(row.title || row.id, 80) }), el("span", { dir: "auto", text: shorten(row.passage, 180) })))));
  }).catch((error) => { if (error.name !== "AbortError") some.append(el("li", { class: "note", text: `No examples could be drawn: ${error.message}` })); }).finally(onready);
  return { node, stop: () => stop.abort() };
};

// Nothing was found: why that may be, and what to take away.
export const nothing = (app, conditions, state) => {
  const less = [];
  if (state.where) less.push(el("a", { class: "button", href: app.href({ where: "", k: "" }), text: conditions?.length > 1 ? `Without the ${conditions.length} conditions` : "Without the condition" }));
  if (state.tag) less.push(el("a", { class: "button", href: app.href({ tag: "", k: "" }), text: `Without the tag ${state.tag}` }));
  if (state.mode === "lexical") less.push(el("a", { class: "button", href: app.href({ mode: "", k: "" }), text: "By meaning as well" }));
  return el("div", { class: "none" }, el("h2", { text: state.q ? `Nothing for “${shorten(state.q, 60)}”` : "Nothing" }),
    el("p", { text: state.where || state.tag ? "No document that meets the filters answers it." : state.mode === "lexical" ? "No text has any of these words. Other words, or the search by meaning, may find it." : "This Space has nothing to give for it." }),
    less.length ? el("p", { class: "row" }, ...less) : null);
};
