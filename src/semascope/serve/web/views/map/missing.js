// No map yet, or an old one: what it is, what it takes, and the button that makes it.
import { count, el, jobBox } from "../../kit.js";

// 200,000 passages of 384 numbers were laid out and grouped in four minutes of one core; this machine may differ by a factor.
export const roughly = (passages) => {
  const minutes = passages / 50_000;
  if (minutes < 0.7) return "less than a minute";
  if (minutes < 1.5) return "about a minute";
  return `about ${count(Math.round(minutes))} minutes`;
};
export const none = (app, error, done) => {
  const one = app.encoding(), passages = one?.passages ?? app.space.passages;
  return el("div", { class: "plain nomap" }, el("h1", { text: "No map yet" }),
    el("p", { text: "A map lays every passage down so that like ones lie together, and names the regions they form." }),
    app.space.writable === false ? el("p", { text: "This server may not write to the Space. Make the map where that is allowed:" }) : jobBox(app, { do: "map", encoding: one?.name, about: `${count(passages)} passages of ${one?.name}: ${roughly(passages)} on one core. It is kept in the Space.`, label: "Make the map", done }),
    el("p", { class: "note" }, "On the command line: ", el("code", { text: "semascope look SPACE --keep" })),
    error.code === "no_map" ? null : el("p", { class: "note", text: error.message }));
};
export const stale = (app, facts, done) => el("div", { class: "stale card" },
  jobBox(app, { do: "map", encoding: facts.encoding, about: `The Space has changed since this map was made (${String(facts.made).slice(0, 10)})${facts.new ? `: ${count(facts.new)} new passages stand beside what is nearest to them` : ""}.`, label: "Make it anew", done }));
