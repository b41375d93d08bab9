// Where boxes go on a map so that none lies on another. Boxes in the order of their right to a place: {x, y} is wanted for the
// middle, w and h are the size; what comes back is the upper left corner of each, or null where there is no room.
export const placed = (boxes, { wide, high, most, taken = [] }) => {
  const used = [...taken];
  let left = most;
  return boxes.map(({ x, y, w, h }) => {
    if (left <= 0 || x < 0 || y < 0 || x > wide || y > high) return null;
    const px = Math.min(Math.max(x - w / 2, 4), wide - w - 4), py = Math.min(Math.max(y - h / 2, 4), high - h - 4);
    if (used.some(([a, b, c, d]) => px < a + c + 4 && a < px + w + 4 && py < b + d + 3 && b < py + h + 3)) return null;
    used.push([px, py, w, h]);
    left--;
    return [px, py];
  });
};
// Beside a point, inside the map: below it, or above where there is no room below.
export const beside = (x, y, w, h, wide, high) => [Math.max(4, Math.min(x + 14, wide - w - 6)), y + 18 + h < high ? y + 18 : Math.max(4, y - h - 14)];
