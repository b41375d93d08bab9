// Take the results along: as a file, or as an address.
import { announce, dialog, download, el, icon, trouble } from "../../kit.js";

const FORMATS = [["jsonl", "JSON lines"], ["csv", "CSV"]];

export const saveMenu = (app, what) => {
  const save = async (format) => {
    menu.open = false;
    summary.focus();
    try {
      const { name, blob } = await app.api.file("/x/export", { ...what(), format }, `results.${format}`);
      download(name, blob);
    } catch (error) { dialog("Nothing was saved", [trouble(error)], { kind: "small" }); }
  };
  const summary = el("summary", { class: "button quiet", "aria-label": "Save the results" }, icon("save"), el("span", { text: "Save" }));
  const menu = el("details", { class: "menu" }, summary,
    el("div", { class: "card list" }, ...FORMATS.map(([format, says]) => el("button", { type: "button", class: "quiet", text: says, "data-format": format, onclick: () => save(format) }))));
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape" && menu.open) { event.stopPropagation(); menu.open = false; summary.focus(); } });
  menu.addEventListener("focusout", (event) => { if (!menu.contains(event.relatedTarget) && event.relatedTarget) menu.open = false; });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  return menu;
};

export const copyLink = () => {
  const says = el("span", { text: "Copy link" });
  const button = el("button", { type: "button", class: "quiet", "aria-label": "Copy link", onclick: async () => {
    try { await navigator.clipboard.writeText(location.href); says.textContent = "Copied"; announce("The address was copied"); }
    // Without leave to use the clipboard (or without https) the address is shown to be copied by hand.
    catch { dialog("The address of this picture", [el("input", { type: "text", value: location.href, readonly: true, "aria-label": "Address", autofocus: true, class: "wide", onfocus: (event) => event.target.select() })], { kind: "small" }); return; }
    setTimeout(() => { says.textContent = "Copy link"; }, 1600);
  } }, icon("link"), says);
  return button;
};
