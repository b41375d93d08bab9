// What is shown while nothing is asked: what the Space holds, and queries made of its own titles.
import { count, counted, el, shorten } from "../../kit.js";
import { ordered } from "./filters.js";
import { write } from "./where.js";

const DRAWN = 16, TRIED = 5, SHOWN = 4, LONGEST = 60;

// A few documents: evenly spread over the map, so that they are the same at each visit; where there is no map, some
// of each of the commonest values.
const drawn = async (app, sorting, signal) => {
  const one = app.encoding();
  if (one?.map) {
    const many = Math.min(DRAWN, one.passages), rows = [...Array(many).keys()].map((at) => Math.floor(((at + 0.5) * one.passages) / many));
    return (await app.api.post("/x/map/rows", { encoding: one.name, rows: [...new Set(rows)] }, { signal })).rows;
  }
  const values = (sorting.at(-1)?.values ?? []).slice(0, 4).map((each) => String(each.value)).filter((text) => /[\p{L}\p{N}]/u.test(text));
  const found = await Promise.all(values.map((value) => app.api.post("/x/search", { query: value, where: [write([{ field: sorting.at(-1).name, op: "=", value }])], k: 4, mode: one?.queries === false ? "lexical" : undefined }, { signal })));
  // In turn, so that the first few are of different values.
  return [0, 1, 2, 3].flatMap((at) => found.map((each) => each.hits[at]).filter(Boolean));
};
// Queries somebody could ask: titles that are words, else whole first sentences that are short, else their beginnings.
const PLAIN = /^[\p{L}\p{M}\p{N}\s'’,.-]+$/u;
const asked = (row) => {
  const title = (row.title ?? "").trim(), first = /^[^.!?。]+/u.exec(row.passage.replace(/\s+/g, " ").trim())?.[0].trim() ?? "";
  const good = (text) => text !== row.id && text.length <= LONGEST && /\S\s\S|\p{sc=Han}{3}/u.test(text) && PLAIN.test(text);
  if (good(title)) return [0, title];
  if (good(first)) return [1, first];
  const cut = first.split(" ").slice(0, 6).join(" ").replace(/(\s+\S{1,3})+$|[,;:\s]+$/gu, "");
  return good(cut) ? [2, cut] : null;
};
const queries = (rows) => {
  const seen = new Set(), all = rows.map(asked).filter((one) => one && !seen.has(one[1].toLowerCase()) && seen.add(one[1].toLowerCase()));
  return all.sort((a, b) => a[0] - b[0]).slice(0, TRIED).map((one) => one[1]);
};

export const home = (app, fields, { onready }) => {
  const { space, state } = app, one = app.encoding(), stop = new AbortController();
  const tries = el("p", { class: "tries" }), some = el("ul", { class: "samples" });
  const sorting = ordered(fields).filter((field) => field.kind === "text" && field.distinct > 1 && field.distinct <= Math.max(20, 0.2 * field.documents) && field.name !== "id").slice(0, 3);
  const node = el("div", { class: "home" },
    el("h1", {}, el("bdi", { text: space.name })),
    el("p", { class: "lead" }, `${counted(space.documents, "document")} in ${counted(space.passages, "passage")}, `, one?.queries === false ? "found by words" : "found by meaning and by words", ". ",
      one ? el("span", { class: "note" }, `Encoder: ${one.encoder ?? "not known"}${one.kind ? ` (${one.kind})` : ""}, ${count(one.dim)} numbers a passage.`) : null),
    state.where || state.tag ? el("p", { class: "within", text: "Type above to search within what the filters leave." }) : null,
    tries,
    ...sorting.map((field) => el("section", { class: "holds" }, el("h2", {}, el("bdi", { text: field.name })),
      el("p", { class: "row" }, ...field.values.slice(0, 8).map(({ value, n }) => el("a", { class: "chip", dir: "auto", href: app.href({ where: write([{ field: field.name, op: "=", value: String(value) }]), k: "" }) }, String(value), " ", el("span", { class: "num note", text: count(n) })))))),
    some);
  drawn(app, sorting, stop.signal).then((rows) => {
    const found = one?.queries === false ? [] : queries(rows);
    if (found.length) tries.append(el("span", { class: "note", text: "Try" }), ...found.map((q) => el("a", { class: "try", dir: "auto", href: app.href({ q, k: "" }), text: q })));
    const docs = new Set(), few = rows.filter((row) => !docs.has(row.id) && docs.add(row.id)).slice(0, SHOWN);
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
    el("p", { text: state.where || state.tag ? (state.mode === "lexical" ? "No text that meets the filters has any of these words." : "No document meets the filters.") : state.mode === "lexical" ? "No text has any of these words. Other words, or the search by meaning, may find it." : "This Space has nothing to give for it." }),
    less.length ? el("p", { class: "row" }, ...less) : null);
};
