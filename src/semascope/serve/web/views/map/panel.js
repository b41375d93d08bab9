// Beside the map: its regions, what is selected, what was found, what moved. The same passages as on the map, as lists.
import { css, hue } from "../../shared/colours.js";
import { announce, count, counted, download, el, icon, percent, shorten, trouble } from "../../kit.js";
import { breakdown } from "./colour.js";

const PAGE = 50;
const TABS = { regions: "Regions", selected: "Selected", found: "Found", moved: "Moved" };
export class Panel {
  // act: {app, point(sheet, row), region(number, event), clear(), invert(), tagged(), within(name), trouble(error)}
  constructor(act) {
    this.act = act;
    this.title = el("h2", { tabindex: "-1", id: "map-panel-title" });
    this.tabs = el("div", { class: "tabs", role: "group", "aria-label": "What the list shows" });
    this.body = el("div", { class: "scroll" });
    this.node = el("section", { class: "side card", "aria-labelledby": "map-panel-title" }, el("div", { class: "fixed" }, el("header", {}, this.tabs, this.title), this.body));
    this.parts = {};
  }

  // parts: {name: {head, many, make() -> nodes}}, in the order of TABS; shown: which one now.
  set(parts, shown) {
    this.parts = parts;
    this.show(parts[shown] ? shown : "regions");
  }

  show(name) {
    const part = this.parts[name];
    if (!part) return;
    this.shown = name;
    const names = Object.keys(TABS).filter((one) => this.parts[one]);
    this.tabs.hidden = names.length < 2;
    this.tabs.replaceChildren(...names.map((one) => el("button", { type: "button", "aria-pressed": String(one === name), onclick: () => { this.show(one); this.tabs.querySelector("[aria-pressed=true]").focus(); } }, TABS[one],
      this.parts[one].many === undefined ? null : el("small", { text: count(this.parts[one].many) }))));
    this.title.textContent = part.head;
    this.body.replaceChildren(...part.make());
    this.body.scrollTop = 0;
    this.node.dataset.shown = name;
  }

  focus() { this.title.focus({ preventScroll: true }); }

  regions(sheet, alone) {
    const { facts } = sheet, trust = facts.trust;
    const one = (group) => el("li", { class: group.stable ? "" : "shaky" }, el("button", { type: "button", "data-region": String(group.number), onclick: (event) => this.act.region(group.number, event) },
      el("b", {}, el("i", { class: "dot", style: { background: css(hue(group.number)) } }), el("span", { dir: "auto", text: shorten(group.name, 60) }), el("span", { class: "num", text: count(group.n) })),
      el("small", { text: [group.stable ? "" : "unstable", group.words.slice(3, 10).join(", ")].filter(Boolean).join(" · ") })));
    return [el("p", { class: "note pad", text: "Named by words that stand out in them. An unstable one is not found again when passages are drawn anew." }),
      el("ol", { class: "regions" }, ...facts.groups.map(one), alone > 0 && el("li", {}, el("button", { type: "button", "data-region": "-1", onclick: (event) => this.act.region(-1, event) }, el("b", {}, el("i", { class: "dot none" }), el("span", { text: "in no region" }), el("span", { class: "num", text: count(alone) }))))),
      el("p", { class: "note pad", text: [facts.says, trust ? `Trustworthiness among 15 neighbours ${trust.value.toFixed(2)} [${trust.low.toFixed(2)}, ${trust.high.toFixed(2)}] on ${count(trust.n)} passages; 1 is perfect, 0.5 is a map without meaning.` : ""].filter(Boolean).join(" ") })];
  }

  // Rows as a list of passages, 50 at a time. said(row): what stands below each.
  list(sheet, rows, said = () => "") {
    const box = el("ol", { class: "passages" }), more = el("button", { type: "button", class: "more" }), { act } = this;
    let shown = 0;
    const item = (row, one) => el("li", {}, el("button", { type: "button", "data-row": String(row), onclick: () => act.app.open({ id: one.id, span: one.span }),
      onmouseenter: () => act.point(sheet, row), onmouseleave: () => act.point(sheet, -1), onfocus: () => act.point(sheet, row), onblur: () => act.point(sheet, -1) },
    one.title && el("b", { text: shorten(one.title, 90), dir: "auto" }), el("span", { class: "text", text: shorten(one.passage, 260), dir: "auto" }),
    el("small", {}, [`#${shorten(one.id, 60)}`, said(row)].filter(Boolean).join(" · "), ...(one.tags ?? []).map((tag) => el("span", { class: "chip", text: tag })))));
    const grow = async (focus) => {
      const next = rows.slice(shown, shown + PAGE);
      more.disabled = true;
      try {
        const found = await sheet.rows.get([...next]);
        box.append(...found.map((one, at) => item(next[at], one)));
      } catch (error) { if (box.isConnected) box.after(trouble(error, (event) => { event.target.closest(".trouble").remove(); grow(focus); })); return; }
      if (focus) box.children[shown]?.firstChild.focus();
      shown += next.length;
      box.dataset.shown = String(shown);
      more.disabled = false;
      more.hidden = shown >= rows.length;
      more.textContent = `Show ${Math.min(PAGE, rows.length - shown)} more of ${count(rows.length)}`;
    };
    more.addEventListener("click", () => grow(true));
    more.hidden = true;
    grow(false);
    return [box, more];
  }

  // What is selected: how many, what is in it, what can be done with it, and its first rows.
  selected(sheet, { rows, lit, name, column, by }) {
    const { act } = this, button = (text, does, more = {}) => el("button", { type: "button", onclick: does, ...more }, more.title && icon("save"), text);
    return [el("div", { class: "pad" },
      el("p", { class: "note", text: `${name ? `${shorten(name, 80)}: ` : ""}${percent(rows.length / sheet.n, 1)} of the ${counted(sheet.n, "passage")}` }),
      el("div", { class: "row" }, button("Clear", () => act.clear(), { "aria-keyshortcuts": "Escape" }), button("Invert", () => act.invert()), ...(rows.length ? [el("span", { class: "gap" }), button("JSONL", () => this.save(sheet, rows, "jsonl"), { "aria-label": "Save as JSONL", title: "Save as JSONL" }), button("CSV", () => this.save(sheet, rows, "csv"), { "aria-label": "Save as CSV", title: "Save as CSV" })] : [])),
      rows.length && this.tagForm(sheet, rows),
      column && rows.length && el("details", { open: true, class: "what" }, el("summary", { text: "What is in it" }), breakdown(column, by, lit, sheet.n))),
    ...(rows.length ? this.list(sheet, rows) : [el("p", { class: "pad", text: "No passage lies there." })])];
  }

  async save(sheet, rows, format) {
    try {
      const { name, blob } = await this.act.app.api.file("/x/export", { encoding: sheet.encoding, rows: [...rows], format }, `selection.${format}`);
      download(name, blob);
    } catch (error) { this.act.trouble(error); }
  }

  tagForm(sheet, rows) {
    const { app } = this.act, { api } = app;
    if (app.space.writable === false) return el("p", { class: "note", text: "Tags cannot be given here: the Space is read-only." });
    const list = el("datalist", { id: "map-tags" }), said = el("p", { class: "note", role: "status" });
    const input = el("input", { type: "text", id: "map-tag", list: "map-tags", maxlength: "64", autocomplete: "off", placeholder: "a tag", required: true });
    const within = el("button", { type: "button", text: "Search in these", hidden: true });
    api.get("/x/tags").then(({ tags }) => list.replaceChildren(...tags.map((one) => el("option", { value: one.name, label: counted(one.n, "document") })))).catch(() => null);
    const send = async (event) => {
      event.preventDefault();
      const name = input.value.trim();
      if (!name) return;
      try {
        const { n } = await api.post("/x/tags", { name, encoding: sheet.encoding, rows: [...rows] });
        said.textContent = `Tagged. ${counted(n, "document")} ${n === 1 ? "has" : "have"} “${name}” now.`;
        announce(said.textContent);
        within.hidden = false;
        within.onclick = () => this.act.within(name);
        this.act.tagged();
        document.dispatchEvent(new CustomEvent("tags"));
      } catch (error) { this.act.trouble(error); }
    };
    return el("form", { class: "tagging", onsubmit: send }, el("label", { for: "map-tag", text: "Tag their documents" }), el("div", { class: "row" }, input, list, el("button", { text: "Tag" }), within), said);
  }
}
