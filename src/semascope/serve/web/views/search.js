// The Search view.
import { el } from "../kit.js";

export default { name: "search", title: "Search", mount(root) { root.append(el("div")); root.dataset.viewReady = "search"; }, update() {}, unmount() {} };
