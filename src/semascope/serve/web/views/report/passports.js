// What made the vectors: passports of encodings and models side by side, what differs between them marked.
import { count, counted, download, el } from "../../kit.js";

const IDENTITY = [["kind", "Kind"], ["weights", "Weights"], ["tokenizer", "Tokenizer"], ["pooling", "Pooling"], ["prompts", "Prompts"], ["max_length", "Longest text"], ["truncation", "Cut at"], ["normalize", "Length one"], ["transforms", "Transforms"], ["dim", "Dimensions"]];
const INFORMS = [["name", "Name"], ["dtype", "Numbers"], ["device", "Device"]];
const NONE = "none";

const shown = (field, value) => {
  if (value === null || value === undefined || value === "") return field === "max_length" ? "no limit" : NONE;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return field === "max_length" ? counted(value, "token") : count(value);
  if (Array.isArray(value)) return value.length ? value.map((one) => shown("", one)).join(", ") : NONE;
  if (typeof value === "object") return Object.keys(value).length ? Object.entries(value).map(([name, one]) => `${name}: “${one}”`).join(", ") : NONE;
  return String(value);
};
const cell = (field, value) => {
  const text = shown(field, value);
  return /^[0-9a-f]{40,}$/.test(text) ? el("code", { title: text, text: `${text.slice(0, 12)}…` }) : el("span", { dir: "auto", class: text === NONE ? "faint" : "", text });
};

const row = (field, title, all, read) => {
  const values = all.map((one) => JSON.stringify(read(one) ?? null)), differs = new Set(values).size > 1;
  return el("tr", { class: differs ? "differs" : "", "data-field": field }, el("th", { scope: "row" }, title, all.length > 1 && differs ? el("span", { class: "sign", title: "not the same in all" }, el("span", { "aria-hidden": "true", text: " ≠" }), el("span", { class: "unseen", text: " differs" })) : null),
    ...all.map((one) => el("td", {}, cell(field, read(one)))));
};
const part = (title, all) => el("tr", { class: "part-row" }, el("th", { scope: "colgroup", colspan: all.length + 1, text: title }));

const table = (all) => {
  const versions = [...new Set(all.flatMap((one) => Object.keys(one.passport.versions ?? {})))].sort();
  return el("div", { class: "wide", role: "region", "aria-label": "Passports side by side", tabindex: "0" }, el("table", { class: "passports" },
    el("caption", { class: "unseen", text: "Passports of the encodings and models" }),
    el("thead", {}, el("tr", {}, el("td", {}), ...all.map((one) => el("th", { scope: "col" }, el("small", { text: one.sort }), el("span", { dir: "auto", text: one.name }))))),
    el("tbody", {}, part("Identity: must agree for vectors to be compared", all), row("id", "Passport", all, (one) => one.id), ...IDENTITY.map(([field, title]) => row(field, title, all, (one) => one.passport[field]))),
    el("tbody", {}, part("Informs only", all), ...INFORMS.map(([field, title]) => row(field, title, all, (one) => one.passport[field])), ...versions.map((name) => row(`versions.${name}`, name, all, (one) => one.passport.versions?.[name]))),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row", text: "Canary texts" }), ...all.map(({ passport, name }) => el("td", {}, passport.canaries ? count(passport.canaries) : "not kept",
      el("button", { type: "button", class: "small", text: "Save", "aria-label": `Save the passport of ${name}`, onclick: () => download(`${name}.passport.json`, new Blob([JSON.stringify(passport, null, 2)], { type: "application/json" })) })))))));
};
// Where the encoder at hand is not the one that made the vectors, queries and vectors must not meet.
const unlike = (all) => all.filter((one) => one.differences?.length).map((one) => el("p", { class: "unlike" }, el("span", { class: "sign", "aria-hidden": "true", text: "!" }), ` ${one.name}: the encoder at hand is not the one that made these vectors. It differs in ${one.differences.join(", ")}.`));

const asks = (app) => {
  const models = (app.space.models ?? []).map((one) => (typeof one === "string" ? one : one.id ?? one.name));
  return [...(app.space.encodings ?? []).map(({ name }) => ({ sort: "encoding", name })), ...models.map((name) => ({ sort: "model", name }))];
};

export const passports = async (app, signal) => {
  const answers = await Promise.all(asks(app).map(async (one) => {
    try { return { ...one, ...(await app.api.get("/x/passport", { [one.sort]: one.name }, { signal })) }; } catch (error) {
      if (error.name === "AbortError") throw error;
      return { ...one, error };
    }
  }));
  const good = answers.filter((one) => one.passport), bad = answers.filter((one) => !one.passport);
  return el("section", { "aria-labelledby": "passports-title" }, el("h2", { id: "passports-title", text: "Passports" }),
    el("p", { class: "note", text: "What made the vectors. Where two differ in an identity field, their vectors must not be mixed." }),
    ...unlike(good), good.length ? table(good) : el("p", { text: "Nothing here has a passport." }),
    ...bad.map((one) => el("p", { class: "note", text: `${one.name}: ${one.error.message}` })));
};
