// Pointer, wheel, fingers and keys on a map. What a hand finds is told to `act`:
//   hover(row, x, y), leave(), press(row, event), middle(row) after a key, keys: {Name: function}, drag(event, x, y) -> a tool or null.
// A tool has move(x, y, event), end(x, y, event) and stop(); while there is none, a drag moves the map.
export const hands = (plane, act) => {
  const { canvas } = plane, held = new Map();
  let moved = 0, spread = 0, tool = null;
  const local = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = local(event);
    held.set(event.pointerId, [x, y]);
    if (held.size === 1) { moved = 0; tool = act.drag?.(event, x, y) ?? null; } else { tool?.stop(); tool = null; moved = 99; }
    spread = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = local(event);
    if (!held.has(event.pointerId)) { act.hover(plane.rowAt(x, y), x, y); return; }
    const [px, py] = held.get(event.pointerId);
    held.set(event.pointerId, [x, y]);
    moved += Math.abs(x - px) + Math.abs(y - py);
    if (held.size === 2) {
      const [a, b] = [...held.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) plane.zoom(now / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = now;
      plane.pan((x - px) / 2, (y - py) / 2);
    } else if (tool) tool.move(x, y, event);
    else if (moved > 4) { act.leave(); plane.pan(x - px, y - py); }
  });
  const leave = (event) => { held.delete(event.pointerId); spread = 0; };
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = local(event), one = held.has(event.pointerId), using = tool;
    leave(event);
    if (!held.size) tool = null;
    if (!one) return;
    if (using && moved > 4) { using.end(x, y, event); return; }
    using?.stop();
    if (moved <= 4) act.press(plane.rowAt(x, y, event.pointerType === "touch" ? 26 : 14), event);
  });
  canvas.addEventListener("pointercancel", (event) => { leave(event); tool?.stop(); tool = null; });
  // A finger leaves whenever it is lifted; what it showed stays.
  canvas.addEventListener("pointerleave", (event) => { if (!held.size && event.pointerType !== "touch") act.leave(); });
  canvas.addEventListener("wheel", (event) => {
    // At the whole map, rolling on goes down the page as everywhere.
    if (event.deltaY > 0 && plane.depth <= 1.001 && !event.ctrlKey) return;
    event.preventDefault();
    plane.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.002)), ...local(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 160 : 48, moves = {
      ArrowLeft: () => plane.pan(step, 0), ArrowRight: () => plane.pan(-step, 0), ArrowUp: () => plane.pan(0, step), ArrowDown: () => plane.pan(0, -step),
      "+": () => plane.zoom(1.4), "=": () => plane.zoom(1.4), "-": () => plane.zoom(1 / 1.4), 0: () => plane.whole(), Home: () => plane.whole(),
    };
    const move = moves[event.key], does = act.keys?.[event.key];
    if (!(move || does) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!move) { does(event); return; }
    move();
    act.middle(plane.rowAt(plane.width / 2, plane.height / 2, 60));
  });
  canvas.addEventListener("blur", () => act.leave());
  new ResizeObserver(() => plane.resize()).observe(canvas);
};
