// The shapes of easings, near enough to draw a lane while it is dragged; what the server computes replaces them.
const bounce = (u) => {
  const [k, d] = [7.5625, 2.75];
  if (u < 1 / d) return k * u * u;
  if (u < 2 / d) return k * (u - 1.5 / d) ** 2 + 0.75;
  if (u < 2.5 / d) return k * (u - 2.25 / d) ** 2 + 0.9375;
  return k * (u - 2.625 / d) ** 2 + 0.984375;
};

const INWARD = {
  "": (u) => u ** 2,
  _sine: (u) => 1 - Math.cos((u * Math.PI) / 2),
  _cubic: (u) => u ** 3,
  _quart: (u) => u ** 4,
  _quint: (u) => u ** 5,
  _expo: (u) => (u <= 0 ? 0 : 2 ** (10 * (u - 1))),
  _circ: (u) => 1 - Math.sqrt(Math.max(0, 1 - u * u)),
  _back: (u) => u * u * (2.70158 * u - 1.70158),
  _elastic: (u) => (u <= 0 || u >= 1 ? u : -(2 ** (10 * (u - 1))) * Math.sin(((u - 1.075) * 2 * Math.PI) / 0.3)),
  _bounce: (u) => 1 - bounce(1 - u),
};
const smooth = (u) => u * u * (3 - 2 * u);

const SHAPES = {
  linear: (u) => u,
  hold: () => 0,
  smooth,
  late: (u) => smooth(Math.max(0, Math.min(1, 2.5 * u - 1.5))),
};
for (const [kind, shape] of Object.entries(INWARD)) {
  SHAPES[`in${kind}`] = shape;
  SHAPES[`out${kind}`] = (u) => 1 - shape(1 - u);
  SHAPES[`in_out${kind}`] = (u) => (u < 0.5 ? shape(2 * u) / 2 : 1 - shape(2 - 2 * u) / 2);
}

export const shapeOf = (name) => SHAPES[name] ?? SHAPES.linear;

/** Those of the number keys, in their order. */
export const QUICK = ["linear", "hold", "smooth", "late", "in", "out", "in_out_sine", "in_out_expo", "out_bounce"];
