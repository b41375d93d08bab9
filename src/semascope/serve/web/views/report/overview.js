// What the Space holds, what can be checked here, and the reports that were kept.
import { count, counted, el, jobBox } from "../../kit.js";
import { levels, when } from "./article.js";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
export const bytes = (number) => {
  let at = 0, value = number;
  while (value >= 1000 && at < UNITS.length - 1) { value /= 1000; at += 1; }
  return `${at && value < 100 ? value.toFixed(1) : count(Math.round(value))} ${UNITS[at]}`;
};
const yes = (value) => (value ? "yes" : "no");
const seconds = (guess) => (guess === null || guess === undefined ? "" : guess < 90 ? `about ${Math.max(1, Math.round(guess))} s` : `about ${Math.round(guess / 60)} min`);

const parts = (found) => {
  const all = Object.entries(found ?? {});
  if (!all.length) return null;
  const total = all.reduce((sum, [, one]) => sum + one, 0) || 1;
  return el("div", { class: "bytes" }, el("h3", { text: `On disk: ${bytes(total)}` }), el("ul", {}, ...all.map(([name, one]) => {
    const inner = el("span", { class: "bar-part" });
    inner.style.width = `${(100 * one) / total}%`;
    return el("li", {}, el("span", { class: "bytes-name", text: name }), el("span", { class: "bar", "aria-hidden": "true" }, inner), el("span", { class: "num", text: bytes(one) }));
  })));
};

export const holds = (app) => {
  const { space } = app;
  const tile = (name, value) => el("div", { class: "tile" }, el("dt", { text: name }), el("dd", { text: value }));
  const head = ["Encoding", "Encoder", "Kind", "Dimensions", "Passages", "Queries", "Layers", "Map"];
  return el("section", { "aria-labelledby": "holds-title" }, el("h2", { id: "holds-title", text: "What this Space holds" }),
    el("dl", { class: "tiles" }, tile("Documents", count(space.documents)), tile("Passages", count(space.passages)), tile("Encodings", count(space.encodings.length)), space.version ? tile("Served by", `Semascope ${space.version}`) : null),
    el("div", { class: "wide", role: "region", "aria-label": "Encodings", tabindex: "0" }, el("table", {}, el("caption", { class: "unseen", text: "Encodings" }), el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...space.encodings.map((one) => el("tr", {}, el("th", { scope: "row" }, one.name, one.current ? el("span", { class: "chip", text: "current" }) : null),
        ...[one.encoder ?? "not known", one.kind ?? "", one.dim && count(one.dim), count(one.passages), yes(one.queries), one.layers ? count(one.layers) : "none", yes(one.map)].map((text) => el("td", { text: text ?? "" }))))))),
    parts(space.bytes));
};

const TITLES = { doctor: "Doctor", leak: "Leak" };
export const makers = (app, found, made) => {
  const checks = (found ?? []).filter((one) => !["map", "words", "moved"].includes(one.do));
  if (!checks.length) return null;
  return el("section", { "aria-labelledby": "makers-title" }, el("h2", { id: "makers-title", text: "Check it" }),
    el("div", { class: "makers" }, ...checks.map((one) => el("div", { class: "card" }, el("h3", { text: TITLES[one.do] ?? one.do }),
      jobBox(app, { do: one.do, about: one.says, how: seconds(one.seconds_guess) && `Takes ${seconds(one.seconds_guess)} here; it can be cancelled.`, label: `Run ${TITLES[one.do]?.toLowerCase() ?? one.do}`, done: made })))));
};

export const kept = (app, reports) => {
  const all = [...reports].sort((a, b) => String(b.made).localeCompare(String(a.made)));
  return el("section", { "aria-labelledby": "kept-title" }, el("h2", { id: "kept-title", text: "Kept reports" }),
    all.length ? el("ol", { class: "kept" }, ...all.map((one) => el("li", { "data-report": one.name },
      el("p", {}, el("a", { href: app.href({ name: one.name }), text: one.verb || one.name }), " ", el("span", { class: "note", dir: "auto", text: [one.source, when(one.made)].filter(Boolean).join(" · ") })),
      el("p", { class: "kept-verdict", dir: "auto", text: one.verdict }), levels(one.levels))))
      : el("p", { class: "note", text: "None yet. What a check above finds is kept in the Space and listed here." }));
};
export const said = (reports) => counted(reports.length, "kept report");
