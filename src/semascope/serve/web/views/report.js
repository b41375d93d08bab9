// Report: what the Space holds, what made its vectors, and what was found when it was checked.
import { announce, busy, byId, el, trouble } from "../kit.js";
import { article } from "./report/article.js";
import { holds, kept, makers, said } from "./report/overview.js";
import { passports } from "./report/passports.js";

let app, root, body, aborter = null, drawn = null;

const overview = async (signal) => {
  const [found, papers] = await Promise.all([app.api.get("/x/reports", {}, { signal }), passports(app, signal)]);
  if (signal.aborted) return;
  const made = async (job) => {
    announce("The report is ready");
    if (job.result) await app.go({ name: job.result }); else await draw();
  };
  body.replaceChildren(...[holds(app), makers(app, found.makers, made), kept(app, found.reports), papers,
    el("p", { class: "note quiet-line", text: "Reports of evaluations, comparisons and tuning are shown here too once this version can make them." })].filter(Boolean));
  app.title("Report");
  announce(said(found.reports));
};
const one = async (name, signal) => {
  const found = await app.api.get(`/x/reports/${encodeURIComponent(name)}`, {}, { signal });
  if (signal.aborted) return;
  body.replaceChildren(article(app, found, name));
  app.title(`${found.verb}: ${found.source}`);
  if (drawn !== null) { scrollTo(0, 0); byId("report-title").focus({ preventScroll: true }); }
  announce(found.verdict);
};
const draw = async () => {
  aborter?.abort();
  aborter = new AbortController();
  const { signal } = aborter, { name = "" } = app.state, done = busy(body);
  try {
    if (name) await one(name, signal); else await overview(signal);
  } catch (error) {
    if (error.name === "AbortError" || signal.aborted) return;
    body.replaceChildren(el("div", {}, name ? el("p", { class: "back" }, el("a", { href: app.href({ name: "" }), text: "← All reports" })) : null, trouble(error, draw)));
  } finally {
    if (!signal.aborted) {
      done();
      drawn = name;
      root.dataset.viewReady = "report";
    }
  }
};

export default {
  name: "report",
  title: "Report",
  mount(given, shell) {
    [root, app] = [given, shell];
    body = el("div", { class: "report-body" });
    root.append(el("h1", { class: "unseen", text: "Report" }), body);
  },
  update(_, changed) {
    if (drawn === null || changed.has("name") || changed.has("enc") || changed.has("view")) return draw();
    return null;
  },
};
