// The map of the page: what its points show, its legend, its names. The points themselves are drawn by the shared Plane.
const M = { plane: null, by: "groups", sizes: null };

// What can be shown by colour: of each row a class or a share, and the legend.
const manners = () => {
  const f = D.facts, out = { groups: { name: "group", of: D.of, names: f.groups.map((one) => one.name), filter: "group" } };
  if (D.label) out.labels = { name: "label", of: D.label, names: f.labels_names, filter: "label" };
  if (D.when) out.time = { name: "time", share: D.when, ends: f.when };
  if (D.lang) out.languages = { name: "language", of: D.lang, names: f.langs_names, filter: "lang" };
  if (f.outliers.rows.length) out.outliers = { name: "outliers", share: D.strange, ends: ["like others", "unlike any"], sparse: true };
  return out;
};
const paint = () => {
  const how = manners()[M.by], dim = M.plane.faint;
  if (how.of) M.plane.colour = classColours(how.of, dim);
  else if (how.sparse) M.plane.colour = shareColours(how.share.map((share) => share || NaN), dim, () => M.plane.hot);
  else M.plane.colour = shareColours(how.share, dim);
  legend(how);
  ask();
};
const legend = (how) => {
  const box = byId("legend");
  if (how.share) {
    if (how.sparse) { box.replaceChildren(el("span", {}, el("span", { class: "dot", style: { background: "var(--hit)" } }), counted(D.facts.outliers.rows.length, "row"), " unlike any others")); return; }
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => css(ramp(share))).join(", ");
    box.replaceChildren(el("span", { text: how.ends[0] }), el("span", { class: "ramp", style: { background: `linear-gradient(90deg, ${stops})` } }), el("span", { text: how.ends[1] }));
    return;
  }
  if (M.by === "groups") { box.replaceChildren(); return; }
  const sizes = new Map();
  for (const one of how.of) if (one >= 0) sizes.set(one, (sizes.get(one) ?? 0) + 1);
  const first = [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  box.replaceChildren(...first.map(([one, size]) => el("button", { type: "button", "aria-pressed": String(V.filter?.kind === how.filter && V.filter.value === one),
    onclick: () => choose(V.filter?.kind === how.filter && V.filter.value === one ? null : { kind: how.filter, value: one }) },
    el("span", { class: "dot", style: { background: css(hue(one)) } }), `${shorten(how.names[one], 24)} `, el("small", { text: count(size) }))),
    sizes.size > 12 && el("span", { text: `and ${sizes.size - 12} more` }) || "");
};

const ask = (points = true) => M.plane.ask(points);
const mark = (row) => { if (row !== M.plane.mark) { M.plane.mark = row; ask(false); } };
// As many of a group's first words as are short enough for the map.
const brief = ({ words, name }) => {
  const fits = [3, 2, 1].map((many) => words.slice(0, many).join(", ")).find((text) => text && text.length <= 28);
  return fits ?? shorten(words[0] ?? name, 28);
};
// Names of groups, the largest first, where they do not lie on each other.
const names = () => {
  const box = byId("names"), { plane } = M, { groups } = D.facts;
  if (box.childElementCount !== groups.length) {
    box.replaceChildren(...groups.map((one) => el("span", { class: one.stable ? "" : "shaky" },
      el("span", { class: "dot" }), brief(one), one.stable ? "" : " (unstable)")));
    M.sizes = [...box.children].map((node) => [node.offsetWidth, node.offsetHeight]);
  }
  const buttons = byId("zoom-in").parentElement, chosen = V.filter?.kind === "group" ? V.filter.value : -1;
  const order = groups.map((_, at) => at).sort((a, b) => (b === chosen) - (a === chosen) || groups[b].n - groups[a].n);
  const shown = order.filter((at) => (M.by === "groups" || at === chosen) && (chosen < 0 || at === chosen || plane.depth > 1.5));
  const boxes = shown.map((at) => { const [x, y] = plane.seen(...groups[at].at), [w, h] = M.sizes[at]; return { x, y, w, h }; });
  const places = placed(boxes, { wide: plane.width, high: plane.height,
    // So many that the points can still be seen between them.
    most: Math.max(5, Math.round((plane.width * plane.height) / 28_000)),
    taken: [[buttons.offsetLeft, buttons.offsetTop, buttons.offsetWidth, buttons.offsetHeight]] });
  for (const node of box.children) node.style.visibility = "hidden";
  shown.forEach((at, turn) => {
    const node = box.children[at], place = places[turn];
    if (!place) return;
    node.style.visibility = "visible";
    node.style.transform = `translate(${place[0].toFixed(1)}px, ${place[1].toFixed(1)}px)`;
    node.firstChild.style.background = css(hue(at));
    node.classList.toggle("chosen", at === chosen);
  });
};

const goTo = (row) => {
  mark(row);
  M.plane.goTo(D.x[row], D.y[row], Math.max(4, M.plane.depth));
};
const tip = (row, x, y) => {
  const box = byId("tip");
  box.hidden = row < 0;
  if (row < 0) return;
  box.replaceChildren(el("span", { text: shorten(textOf(row), 260), dir: "auto" }), el("small", { text: metaOf(row) }));
  const [left, top] = beside(x, y, box.offsetWidth, box.offsetHeight, M.plane.width, M.plane.height);
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
};
const point = (row, x, y) => {
  mark(row);
  tip(row, x, y);
};
const tint = () => {
  M.plane.tint();
  paint();
};
const listen = () => {
  const plane = M.plane;
  hands(plane, {
    hover: point,
    leave: () => point(-1),
    press: (row) => { if (row >= 0) { mark(row); byId("tip").hidden = true; showRow(row); } },
    middle: (row) => {
      point(row, plane.width / 2, plane.height / 2);
      announce(row >= 0 ? `${metaOf(row)}: ${shorten(textOf(row), 200)}` : "No row near the middle of the map");
    },
    keys: { Enter: () => plane.mark >= 0 && showRow(plane.mark), Escape: () => (V.filter || V.query ? choose(null) : plane.whole()) },
  });
  for (const [id, act] of [["zoom-in", () => plane.zoom(1.6)], ["zoom-out", () => plane.zoom(1 / 1.6)], ["zoom-all", () => plane.whole()]]) byId(id).addEventListener("click", act);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tint);
};
