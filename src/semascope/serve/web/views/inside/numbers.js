// Figures and colours that several parts of this view share.

import { figure } from "../../kit.js";

// With its sign, and none where nothing of it is left after rounding.
export const signed = (value, digits = 3) => {
  const text = figure(Math.abs(value), digits);
  return Number(text) === 0 || !Number.isFinite(value) ? text : `${value < 0 ? "−" : "+"}${text}`;
};
export const range = (values) => values.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);

// From pale to deep through green: lightness falls all the way, so that it reads without seeing colours. Stops in sRGB.
const STOPS = [[247, 244, 222], [205, 225, 160], [128, 196, 140], [60, 158, 145], [38, 112, 142], [48, 68, 128], [46, 26, 92]];
export const shade = (share) => {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const at = Math.min(STOPS.length - 2, Math.floor(place));
  return STOPS[at].map((value, band) => Math.round(value + (place - at) * (STOPS[at + 1][band] - value)));
};
export const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
const linear = (band) => (band / 255 <= 0.04045 ? band / 255 / 12.92 : ((band / 255 + 0.055) / 1.055) ** 2.4);
// Black or white, whichever stands out more: one of the two always has at least 4.58:1.
export const inkOn = ([red, green, blue]) => {
  const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000" : "#fff";
};
export const ramp = () => `linear-gradient(90deg, ${STOPS.map(css).join(", ")})`;
