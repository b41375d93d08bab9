// One report, opened in place: the verdict, the evidence, and the one command that follows.
import { announce, count, counted, download, el, figure, icon, trouble } from "../../kit.js";
import { drawing } from "./drawing.js";

export const LEVELS = { fault: ["✗", "fault"], warning: ["!", "warning"], note: ["·", "note"], fine: ["✓", "fine"] };
export const when = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text ?? "") : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
};
// How many of each level, as signs and words.
export const levels = (found) => el("span", { class: "levels" }, ...Object.entries(LEVELS).filter(([name]) => found?.[name]).map(([name, [sign, noun]]) =>
  el("span", { class: `is-${name}` }, el("span", { class: "sign", "aria-hidden": "true", text: sign }), counted(found[name], noun, noun === "fine" ? "fine" : `${noun}s`))));

export const copyButton = (text, what) => {
  const button = el("button", { type: "button", class: "small", text: "Copy", "aria-label": `Copy ${what}`, onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; announce(`${what} copied`); } catch { button.textContent = "Select and copy it"; announce("This browser does not let the page copy; select the text instead"); }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  } });
  return button;
};

const isInterval = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && "value" in value && "low" in value;
const number = (value) => (Number.isInteger(value) ? count(value) : Math.abs(value) >= 1000 ? count(Math.round(value)) : figure(value, Math.abs(value) < 0.01 && value !== 0 ? 5 : 3));
const said = (value) => {
  if (value === null || value === undefined) return "not known";
  if (typeof value === "number") return number(value);
  if (isInterval(value)) return `${said(value.value)} (${said(value.low)} to ${said(value.high)}${value.n === undefined || value.n === null ? "" : `, n = ${count(value.n)}`})`;
  if (Array.isArray(value)) return value.length > 12 ? `${value.slice(0, 12).map(said).join(", ")} … ${count(value.length)} in all` : value.map(said).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name} ${said(one)}`).join("; ");
  return String(value);
};
// Where an interval lies between the ends of a scale is a picture of its own; it is given where all of it is a share.
const whisker = (value) => {
  if (!isInterval(value) || ![value.value, value.low, value.high].every((one) => typeof one === "number" && one >= 0 && one <= 1)) return null;
  const line = el("span", { class: "whisker-line" }), dot = el("span", { class: "whisker-dot" });
  line.style.left = `${100 * value.low}%`;
  line.style.width = `${100 * (value.high - value.low)}%`;
  dot.style.left = `${100 * value.value}%`;
  return el("span", { class: "whisker", "aria-hidden": "true", title: "from 0 to 1" }, line, dot);
};
const figures = (numbers, open = false) => {
  const all = Object.entries(numbers ?? {});
  if (!all.length) return null;
  return el("details", { class: "figures", open }, el("summary", { text: counted(all.length, "figure") }),
    el("dl", {}, ...all.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", {}, said(value), whisker(value))))));
};

const finding = (one) => {
  const [sign, name] = LEVELS[one.level] ?? ["·", one.level];
  return el("li", { class: `finding is-${one.level}` }, el("span", { class: "sign", "aria-hidden": "true", text: sign }),
    el("div", {}, el("p", {}, el("b", { text: one.name }), " ", el("span", { class: "level", text: name })), el("p", { dir: "auto", text: one.says }),
      one.rows?.length ? el("p", { class: "note", text: `Rows: ${one.rows.slice(0, 20).map(count).join(", ")}${one.rows.length > 20 ? " …" : ""}` }) : null,
      one.mend ? el("p", { class: "command" }, el("code", { text: one.mend }), copyButton(one.mend, "the command that mends it")) : null,
      figures(one.numbers)));
};

export const table = ({ title, head, rows, note }) => el("section", { class: "report-table" },
  el("div", { class: "wide", role: "region", "aria-label": title, tabindex: "0" }, el("table", {}, el("caption", { text: title }),
    el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col", text: name })))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value) => el("td", { dir: "auto", text: value === null ? "" : String(value) }))))))),
  note ? el("p", { class: "note", text: note }) : null);

const curves = (found) => (found.svgs ?? []).map((text) => {
  const made = drawing(text);
  return el("figure", { class: "card", role: "group", "aria-label": made?.getAttribute("aria-label") ?? "A drawing", tabindex: "0" }, made ?? el("p", { class: "note", text: "This drawing could not be read." }));
});

// Findings by gravity; what is fine is folded away where there is something else to read.
const evidence = (found) => {
  const grave = found.findings.filter((one) => one.level !== "fine"), fine = found.findings.filter((one) => one.level === "fine");
  const list = (all) => el("ul", { class: "findings" }, ...all.map(finding));
  return [grave.length && list(grave), fine.length && el("details", { class: "fine-box", open: !grave.length }, el("summary", {}, el("span", { class: "sign", "aria-hidden": "true", text: "✓" }), ` ${counted(fine.length, "thing", "things")} looked at and fine`), list(fine))].filter(Boolean);
};

export const article = (app, found, name) => {
  const failed = el("div");
  const save = el("button", { type: "button", onclick: async () => {
    save.disabled = true;
    try {
      const file = await app.api.file(`/x/reports/${encodeURIComponent(name)}/page`, {}, `${name}.html`);
      download(file.name, file.blob);
      failed.replaceChildren();
    } catch (error) { failed.replaceChildren(trouble(error)); }
    save.disabled = false;
  } }, icon("save"), "Download as a page");
  const counts = found.findings.reduce((all, one) => ({ ...all, [one.level]: (all[one.level] ?? 0) + 1 }), {});
  return el("article", { class: "one-report", "aria-labelledby": "report-title" },
    el("p", { class: "back" }, el("a", { href: app.href({ name: "" }), text: "← All reports" })),
    el("header", {}, el("div", {}, el("h2", { id: "report-title", tabindex: "-1" }, found.verb, " ", el("small", { dir: "auto", text: found.source })), el("p", { class: "note", text: [when(found.made), found.seconds ? `took ${found.seconds < 90 ? `${figure(found.seconds, 1)} s` : `${Math.round(found.seconds / 60)} min`}` : ""].filter(Boolean).join(" · ") })), save),
    failed,
    el("p", { class: "verdict", dir: "auto", text: found.verdict }), levels(counts),
    ...evidence(found), ...curves(found), ...(found.tables ?? []).map(table), figures(found.numbers),
    ...(found.notes ?? []).map((text) => el("p", { class: "note", dir: "auto", text })),
    found.next ? el("p", { class: "command next" }, el("b", { text: "Next" }), el("code", { text: found.next }), copyButton(found.next, "the next command")) : null);
};
