// Colours of even lightness, and what the style sheet says, as numbers.
export const oklch = (l, c, h) => {
  const a = c * Math.cos((h * Math.PI) / 180), b = c * Math.sin((h * Math.PI) / 180);
  const [x, y, z] = [l + 0.3963377774 * a + 0.2158037573 * b, l - 0.1055613458 * a - 0.0638541728 * b, l - 0.0894841775 * a - 1.291485548 * b].map((v) => v ** 3);
  return [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z, -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z, -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z]
    .map((v) => Math.round(255 * Math.min(1, Math.max(0, v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055))));
};
export const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
// One colour for each class: the golden angle keeps neighbours in number apart in hue.
export const hue = (number) => oklch((dark() ? 0.76 : 0.6) + [0, 0.07, -0.07][number % 3], dark() ? 0.125 : 0.14, (25 + number * 137.508) % 360);
export const ramp = (share) => (dark() ? oklch(0.45 + 0.4 * share, 0.14, 285 - 190 * share) : oklch(0.82 - 0.42 * share, 0.13, 95 + 190 * share));
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
// As one number in the order of an image's bytes.
export const word = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
// A variable of the style sheet that holds a colour.
export const parsed = (name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
};
// The colour of every row, as words of an image: by its class (below 0: none) or by its share (NaN: none).
export const classColours = (of, none, made = hue) => {
  const out = new Uint32Array(of.length).fill(word(none)), known = new Map();
  for (let row = 0; row < of.length; row++) {
    const one = of[row];
    if (one < 0) continue;
    if (!known.has(one)) known.set(one, word(made(one)));
    out[row] = known.get(one);
  }
  return out;
};
export const shareColours = (shares, none, made = ramp) => {
  const steps = Uint32Array.from({ length: 64 }, (_, at) => word(made(at / 63))), nothing = word(none), out = new Uint32Array(shares.length);
  for (let row = 0; row < shares.length; row++) out[row] = Number.isNaN(shares[row]) ? nothing : steps[Math.round(Math.min(1, Math.max(0, shares[row])) * 63)];
  return out;
};
