// Below the map: what was found, part by part. Each part is there only where there is something to say.
const rowButton = (row, room = 220, extra = null) => el("button", { type: "button", class: "plain", onclick: () => showRow(row, false, extra) },
  el("span", { class: "text", dir: "auto", text: shorten(textOf(row), room) }), el("span", { class: "meta", text: metaOf(row) }));
const part = (id, title, says, ...inside) => byId("parts").append(el("section", { class: "part", id, "aria-labelledby": `${id}-title` },
  el("h2", { id: `${id}-title`, text: title }), says && el("p", { class: "note", text: says }), ...inside));
const nothing = (text) => el("p", { text });

const duplicates = () => {
  const f = D.facts.duplicates;
  if (!D.facts.texts) return;
  const exact = f.exact.slice().sort((a, b) => b.length - a.length);
  part("duplicates", "Duplicates", f.says,
    exact.length ? table({ caption: `The same text more than once (${counted(exact.length, "text")}, ${counted(f.extra, "row")} too many)`, name: "duplicates",
      head: [["Times", "num"], ["Text", ""]], rows: exact, cells: (rows) => [count(rows.length), rowButton(rows[0])],
      csv: { head: ["set", ...ROW], rows: (rows) => rows.map((row) => [rows[0], ...rowCells(row)]) } }) : nothing("No text is there twice."),
    f.near.length ? table({ caption: `Nearly the same text (${counted(f.near.length, "set")})`, name: "near-duplicates", head: [["Likeness", "num"], ["Texts", ""]],
      rows: f.near.map((rows, at) => ({ rows, likeness: f.likeness[at] })), first: 5,
      cells: ({ rows, likeness }) => [likeness.toFixed(2), el("div", {}, ...rows.slice(0, 3).map((row) => rowButton(row, 160)), rows.length > 3 && el("span", { class: "meta", text: `and ${counted(rows.length - 3, "row")} more` }))],
      csv: { head: ["set", "likeness", ...ROW], rows: ({ rows, likeness }) => rows.map((row) => [rows[0], likeness, ...rowCells(row)]) } }) : nothing("No texts are nearly the same."),
    f.left > 0 && el("p", { class: "note", text: `This page lists the first ${count(exact.length)} and ${count(f.near.length)}; ${counted(f.left, "set")} more are not in it.` }));
};
const outliers = () => {
  const f = D.facts.outliers;
  part("outliers", "Unlike any others", f.says, f.rows.length ? table({ caption: `Rows unlike any others (${count(f.rows.length)}), the strangest first`, name: "outliers",
    head: [["Score", "num"], ["Text", ""]], rows: f.rows.map((row, at) => [row, f.scores[at]]), cells: ([row, score]) => [score.toFixed(2), rowButton(row)],
    csv: { head: ["score", ...ROW], rows: ([row, score]) => [[score, ...rowCells(row)]] } }) : nothing("No row stands apart."));
};
const suspects = () => {
  const f = D.facts.labels;
  if (!f) return;
  const votes = (one) => {
    const sizes = new Map();
    for (const row of one.neighbours) sizes.set(labelOf(row) || "no label", (sizes.get(labelOf(row) || "no label") ?? 0) + 1);
    return [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, size]) => `${name} ${size}`).join(", ");
  };
  part("labels", "Labels that look wrong", f.says,
    el("p", { text: `A linear model that did not see a row gets its label right for ${between(f.accuracy)} of ${counted(f.accuracy[3], "row")}.` }),
    f.suspects.length ? table({ caption: `Likeliest to be wrong first (${count(f.suspects.length)})`, name: "labels-that-look-wrong", head: [["Given → likely", "mid"], ["Text, and the labels of its nearest rows", ""]],
      rows: f.suspects, cells: (one) => [el("div", {}, el("span", { text: one.given }), " → ", el("b", { text: one.likely }), el("span", { class: "meta", text: `chance of the given label ${percent(one.chance, one.chance < 0.01 ? 1 : 0)}` })),
        el("div", {}, rowButton(one.row, 220, one.neighbours.length ? ["Rows that say so", one.neighbours] : null), el("span", { class: "meta", text: one.neighbours.length ? `Nearest rows: ${votes(one)}` : "" }))],
      csv: { head: [...ROW, "likely", "chance_of_given", "neighbours"], rows: (one) => [[...rowCells(one.row), one.likely, one.chance, one.neighbours.map(idOf).join(" ")]] } }) : nothing("None."),
    bars("Labels", f.counts, "label", D.facts.labels_names));
};
// Bars whose names filter the map.
const bars = (caption, counts, kind, names, most = 12) => {
  const every = Object.entries(counts), top = Math.max(1, ...every.map(([, size]) => size));
  const row = ([name, size]) => {
    const at = names.indexOf(name);
    return [at >= 0 ? el("button", { type: "button", class: "plain", text: name || "cannot be told", onclick: () => { choose({ kind, value: at }); byId("atlas").scrollIntoView(); byId("panel-title").focus({ preventScroll: true }); } })
      : el("span", { text: name || "cannot be told" }), el("span", { class: "bar", "aria-hidden": "true" }, el("i", { style: { width: percent(size / top, 1) } })), el("span", { text: `${count(size)} (${percent(size / D.n, size / D.n < 0.01 ? 1 : 0)})` })];
  };
  return el("div", {}, el("h3", { text: caption }), el("div", { class: "hbar" }, ...every.slice(0, most).flatMap(row)), every.length > most && el("p", { class: "note", text: `and ${every.length - most} more` }));
};
const languages = () => {
  const f = D.facts.languages;
  if (!f) return;
  part("languages", "Languages", f.says, f.warning && el("p", { class: "warn", text: f.warning }), bars("Rows by language", f.counts, "lang", D.facts.langs_names));
};
const lengths = () => {
  const f = D.facts.lengths;
  if (!f) return;
  const W = 680, H = 220, low = 36, top = Math.max(...f.bins), x = (edge) => 50 + ((W - 60) * Math.log(edge / f.edges[0])) / Math.log(f.edges.at(-1) / f.edges[0]);
  const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `Histogram of text lengths: ${f.says}`, fill: "currentColor", "font-size": "12" },
    ...f.bins.map((size, at) => svg("rect", { x: x(f.edges[at]) + 0.5, width: Math.max(1, x(f.edges[at + 1]) - x(f.edges[at]) - 1), y: H - low - (size / top) * (H - low - 14), height: (size / top) * (H - low - 14), fill: "var(--accent)" }, svg("title", { text: `${count(f.edges[at])} to ${count(f.edges[at + 1])} characters: ${counted(size, "row")}` }))),
    ...f.ticks.map((value) => svg("text", { x: x(value), y: H - low + 18, "text-anchor": "middle", text: count(value) })),
    svg("text", { x: 44, y: 18, "text-anchor": "end", text: count(top) }), svg("text", { x: 44, y: H - low, "text-anchor": "end", text: "0" }),
    svg("text", { x: W / 2, y: H - 4, "text-anchor": "middle", text: "characters (even steps of the logarithm)" }));
  part("lengths", "Length, and what is cut", f.says, el("div", { class: "chart" }, drawing),
    f.cut.length ? table({ caption: `Rows of which the encoder does not read the end (${count(f.cut_n)})`, name: "cut-texts", head: [["Characters", "num"], ["Text", ""]], rows: f.cut, first: 5,
      cells: ([row, size]) => [count(size), rowButton(row, 160)], csv: { head: ["characters", ...ROW], rows: ([row, size]) => [[size, ...rowCells(row)]] } }) : "");
};
const trendLine = (f, one) => {
  const W = 260, H = 72, n = f.periods.length, group = D.facts.groups[one.group];
  const bands = one.shares.map((share, at) => wilson(share, f.counts[at])), top = Math.max(0.01, ...bands.map((band) => Math.min(band[1], 1)).filter((_, at) => f.counts[at] > 0));
  const x = (at) => 4 + (at / Math.max(1, n - 1)) * (W - 8), y = (share) => H - 14 - (Math.min(share, top) / top) * (H - 20);
  const at = [...f.periods.keys()].filter((period) => f.counts[period] > 0);
  const line = at.map((period) => `${x(period).toFixed(1)},${y(one.shares[period]).toFixed(1)}`).join(" ");
  const band = [...at.map((period) => `${x(period).toFixed(1)},${y(bands[period][1]).toFixed(1)}`), ...at.slice().reverse().map((period) => `${x(period).toFixed(1)},${y(bands[period][0]).toFixed(1)}`)].join(" ");
  const word = one.rose > 0 ? "rose" : one.rose < 0 ? "fell" : "no change shown", colour = css(hue(one.group));
  return el("figure", { class: "card" }, el("figcaption", {}, el("button", { type: "button", class: "plain", onclick: () => { choose({ kind: "group", value: one.group }); byId("atlas").scrollIntoView(); } }, el("span", { class: "dot", style: { background: colour } }), group.name)),
    svg("svg", { viewBox: `0 0 ${W} ${H}`, width: "100%", role: "img", "aria-label": `${group.name}: share by period, ${word}, from ${percent(one.shares[at[0]] ?? 0, 1)} to ${percent(one.shares[at.at(-1)] ?? 0, 1)}`, fill: "currentColor", "font-size": "10" },
      svg("polygon", { points: band, fill: colour, opacity: "0.22" }), svg("polyline", { points: line, fill: "none", stroke: colour, "stroke-width": "2" }),
      svg("text", { x: 4, y: H - 2, text: f.periods[0] }), svg("text", { x: W - 4, y: H - 2, "text-anchor": "end", text: f.periods.at(-1) }), svg("text", { x: W - 4, y: 9, "text-anchor": "end", text: `to ${percent(top, 1)}` })),
    el("span", { class: "meta" }, el("b", { class: one.rose > 0 ? "rose" : one.rose < 0 ? "fell" : "", text: one.rose > 0 ? "▲ rose" : one.rose < 0 ? "▼ fell" : "no change shown" }),
      ` ${signed(one.change[0])} points [${signed(one.change[1])}, ${signed(one.change[2])}]`));
};
const trends = () => {
  const f = D.facts.trends;
  if (!f) return;
  const box = el("div", { class: "lines" }, ...f.trends.slice(0, 12).map((one) => trendLine(f, one)));
  const more = el("button", { type: "button", text: `Show all ${f.trends.length} groups`, onclick: () => { box.replaceChildren(...f.trends.map((one) => trendLine(f, one))); more.remove(); } });
  part("trends", "What rose and fell", f.says, box, el("div", { class: "under" }, f.trends.length > 12 ? more : "", el("button", { type: "button", text: "Download CSV", "aria-label": "Download CSV: shares of groups by period",
    onclick: () => download("trends.csv", ["group", "change", "low", "high", "shown", ...f.periods], f.trends.map((one) => [D.facts.groups[one.group].name, ...one.change.slice(0, 3), one.rose, ...one.shares])) })));
};
const about = () => {
  const f = D.facts;
  part("about", "How this was made", "", el("dl", {}, ...f.about.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])), ...f.notes.map((text) => el("p", { class: "note", text })),
    el("div", { class: "under" }, el("button", { type: "button", text: "Download all rows as CSV", onclick: () => download("rows.csv", [...ROW, "map_x", "map_y"], [...Array(D.n).keys()].map((row) => [...rowCells(row), D.x[row], D.y[row]])) }),
      el("button", { type: "button", text: "Download groups as CSV", onclick: () => download("groups.csv", ["group", "rows", "stability", "low", "high", "stable", "words"], f.groups.map((one) => [one.name, one.n, ...one.stability.slice(0, 3), one.stable, one.words.join(" ")])) })));
};
