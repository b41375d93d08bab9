// Above the parts: the text that is looked into, what made its vector, and a field to look into another.
import { count, counted, el, figure, shorten, slice } from "../../kit.js";
import { keyOf } from "./places.js";

const KINDS = [["query", "a query"], ["text", "a text"], ["id", "the document"]];

const chooser = (app) => {
  const kind = el("select", { id: "inside-kind", "aria-label": "What is typed" }, ...KINDS.map(([value, text]) => el("option", { value, text })));
  const field = el("textarea", { id: "inside-of", rows: "1", maxlength: String(app.space?.limits?.text ?? 10_000), placeholder: "Type or paste a text, or a document's id",
    "aria-label": "Text to look into" });
  const send = () => {
    const value = field.value.trim();
    if (!value) { field.focus(); return; }
    app.go({ of: keyOf({ [kind.value]: value }), passage: "", span: "", pair: "" });
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
  });
  const form = el("form", { class: "chooser", "aria-label": "Look into another text", onsubmit: (event) => { event.preventDefault(); send(); } },
    el("span", { class: "eyebrow", text: "Look into" }), kind, field, el("button", { type: "submit", text: "Look inside" }));
  const show = (place) => {
    if (!place) return;
    kind.value = place.query !== undefined ? "query" : place.text !== undefined ? "text" : "id";
    if (document.activeElement !== field) field.value = place[kind.value];
  };
  return { form, show };
};

const passages = (app, ctx) => {
  const all = ctx.document?.passages ?? [];
  if (all.length < 2) return null;
  const now = all.findIndex((one) => one.start === ctx.span?.[0] && one.stop === ctx.span?.[1]);
  const together = el("option", { value: "", selected: now < 0 || undefined, text: `all ${all.length}: the mean of their vectors` });
  const select = el("select", { id: "inside-passage", onchange: () => app.go({ passage: select.value, span: "" }) },
    together, ...all.map((one, at) => el("option", { value: `${one.start}-${one.stop}`, selected: at === now || undefined,
      text: `${at + 1} of ${all.length}: ${shorten(slice(ctx.document.text, one.start, one.stop), 60)}` })));
  return el("div", { class: "passage-choice" }, el("label", { for: "inside-passage", text: "Passage" }), select);
};

const whole = (text) => {
  const body = el("p", { class: "subject-text", dir: "auto", text });
  if (text.length < 420) return [body];
  body.classList.add("clamped");
  const more = el("button", { type: "button", class: "quiet", "aria-expanded": "false", text: "Show all of it", onclick: () => {
    const open = body.classList.toggle("clamped") === false;
    more.setAttribute("aria-expanded", String(open));
    more.textContent = open ? "Show less" : "Show all of it";
  } });
  return [body, more];
};

const facts = (ctx, about) => {
  const known = ctx.encoding;
  const made = [known?.encoder ?? about?.encoder, known?.kind, known?.dim && `${count(known.dim)} dimensions`].filter(Boolean).join(" · ");
  const rows = [["Made by", made || "not known"]];
  rows.push(["Length", about?.tokens === null || about?.tokens === undefined ? "not known" : counted(about.tokens, "token")]);
  rows.push(["Norm", about?.passages > 1 ? `${figure(about.norm)}, of the mean of ${count(about.passages)} passages` : figure(about?.norm)]);
  return el("dl", { class: "vector-facts" }, ...rows.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", { text: value }))));
};

// What the regions of the map are called is what this corpus can be asked about.
const examples = (app, groups) => [el("span", { class: "note", text: "Try " }), ...groups.slice(0, 6).map(({ words, name }) => {
  const query = words.slice(0, 3).join(" ") || name;
  return el("a", { class: "chip", dir: "auto", href: app.href({ of: keyOf({ query }), passage: "", pair: "" }), text: query });
})];

const kindOf = (place) => (place.query !== undefined ? "Query" : place.text !== undefined ? "Text" : "Document");

export const subject = (app) => {
  const typed = chooser(app);
  const what = el("div", { class: "subject" });
  const node = el("header", { class: "inside-head" }, typed.form, what);
  return {
    node,
    // While nothing is chosen: how to begin.
    empty() {
      const tries = el("p", { class: "tries" });
      if (app.encoding()?.map) app.api.get("/x/map", { encoding: app.encoding().name }).then((found) => tries.replaceChildren(...examples(app, found.groups)), () => null);
      what.replaceChildren(el("div", { class: "card begin" }, el("h2", { text: "One vector, looked into" }),
        el("p", { text: "Type a query or paste a text above, or choose Inside at any hit. You will see which groups of the corpus its vector lies in, which words lie nearest, what turning it does to the results, what each layer makes of each token, and why it matches another text." }), tries));
    },
    show(ctx) {
      typed.show(ctx.place);
      const title = ctx.document ? ctx.document.title || ctx.document.id : "";
      const box = el("div", { class: "vector-box" }, facts(ctx, null));
      what.replaceChildren(
        el("div", { class: "subject-words" },
          el("p", { class: "eyebrow", text: kindOf(ctx.place) }),
          el("h2", { dir: "auto", text: title ? shorten(title, 140) : shorten(ctx.text, 90) }),
          ctx.document && el("p", { class: "note" }, el("code", { text: ctx.document.id }), " ", el("a", { href: app.href({ view: "search", doc: ctx.document.id }), text: "open in context" })),
          passages(app, ctx),
          ...(title || ctx.text.length > 90 ? whole(ctx.text) : [])),
        box);
      ctx.features.then((found) => { if (node.isConnected) box.replaceChildren(facts(ctx, found.about)); }, () => {});
    },
  };
};
