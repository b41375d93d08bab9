// Everything the app asks of its own server. No other address is ever asked.
import { announce, dialog, el } from "./kit.js";

export class ApiError extends Error {
  constructor(message, { status = 0, code = "", param = "", retry = null, head = "" } = {}) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, param, retry });
    if (head) this.head = head;
  }
}
// The app may be served below a prefix by a proxy: its own place says where the server is.
const BASE = new URL("../", import.meta.url), KEY = "semascope-key";
const PATIENCE = 3, LONGEST = 30;
const kept = () => { try { return sessionStorage.getItem(KEY) ?? ""; } catch { return held; } };
const keep = (key) => { held = key; try { sessionStorage.setItem(KEY, key); } catch { /* kept for this page only */ } };
let held = "", asking = null;

// The dialog for the key: one, however many requests were refused at once. Gives the key, or null.
const askKey = (refused) => {
  asking ??= new Promise((answer) => {
    const field = el("input", { type: "password", id: "key-field", autocomplete: "off", autofocus: true, required: true, spellcheck: "false" });
    const send = (event) => {
      event.preventDefault();
      if (field.value) box.close(field.value);
    };
    const box = dialog("This server wants a key", [
      el("p", { text: refused ? "That key was not accepted." : "It was started with a key. The key is kept until this tab is closed, and goes to this server only." }),
      el("form", { class: "row", onsubmit: send }, el("label", { class: "unseen", for: "key-field", text: "Key" }), field, el("button", { class: "main", text: "Continue" })),
    ], { kind: "small", onclose: (value) => { asking = null; if (value) keep(value); answer(value || null); } });
  });
  return asking;
};

const problem = async (answer) => {
  const said = await answer.json().then((body) => body?.error ?? {}, () => ({}));
  const retry = Number.parseFloat(answer.headers.get("Retry-After") ?? "");
  return new ApiError(said.message || `The server answered ${answer.status} ${answer.statusText}.`,
    { status: answer.status, code: said.code ?? "", param: said.param ?? "", retry: Number.isFinite(retry) ? retry : null });
};
const pause = (seconds, signal) => new Promise((go, stop) => {
  const timer = setTimeout(go, 1000 * seconds);
  signal?.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); }, { once: true });
});

const ask = async (method, path, { params, body, signal } = {}) => {
  const address = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(params ?? {})) if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
  let busyTimes = 0;
  for (;;) {
    const headers = { Accept: "application/json, */*;q=0.5" }, key = kept();
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(address, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), credentials: "omit", referrerPolicy: "no-referrer" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("It was stopped, or the way to it is cut. Start it again (semascope serve), then try again.", { code: "gone", head: "The server does not answer. " });
    }
    if (answer.ok) return answer;
    const error = await problem(answer);
    if (answer.status === 401) {
      // Another request may have been given the right key while this one was on its way.
      if (kept() !== key) continue;
      if (await askKey(Boolean(key)) === null) throw error;
    } else if (answer.status === 429 && busyTimes < PATIENCE) {
      busyTimes += 1;
      const seconds = Math.min(LONGEST, error.retry ?? 1);
      announce(`The server is busy. Asked again in ${Math.ceil(seconds)} s.`);
      document.dispatchEvent(new CustomEvent("server-busy", { detail: seconds }));
      await pause(seconds, signal);
    } else throw error;
  }
};

const KINDS = { "<u1": Uint8Array, "<u2": Uint16Array, "<i2": Int16Array, "<u4": Uint32Array, "<i4": Int32Array, "<f4": Float32Array };
// A column of the map: the length of a JSON header, the header, then the values (all little-endian, as browsers are).
const columnOf = async (answer) => {
  const bytes = await answer.arrayBuffer(), length = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  const Kind = KINDS[header.dtype];
  if (!Kind) throw new ApiError(`column: want one of ${Object.keys(KINDS).join(" ")}, got ${header.dtype}`, { code: "column" });
  return { header, data: new Kind(bytes, 4 + length, Math.floor((bytes.byteLength - 4 - length) / Kind.BYTES_PER_ELEMENT)) };
};
const nameOf = (answer, otherwise) => /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? otherwise;

export const api = {
  get: async (path, params = {}, { signal } = {}) => (await ask("GET", path, { params, signal })).json(),
  post: async (path, body = {}, { signal } = {}) => (await ask("POST", path, { body, signal })).json(),
  remove: async (path, params = {}, { signal } = {}) => (await ask("DELETE", path, { params, signal })).json(),
  column: async (encoding, name, { signal } = {}) => columnOf(await ask("GET", "/x/map/column", { params: { encoding, name }, signal })),
  // A column that is computed for something, as by POST /x/map/score.
  postColumn: async (path, body, { signal } = {}) => columnOf(await ask("POST", path, { body, signal })),
  // What the server sends as a file: {name, blob}.
  file: async (path, body, otherwise, { signal } = {}) => {
    const answer = await ask("POST", path, { body, signal });
    return { name: nameOf(answer, otherwise), blob: await answer.blob() };
  },
};
