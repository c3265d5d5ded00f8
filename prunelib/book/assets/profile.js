// The arithmetic of prunelib/nets/profile.py, in exact integers.

export const STEM = 16;
export const STAGES = [16, 32, 64];

// A number as an exact fraction [p, q]: a double is a whole number over a power of two.
export function fraction(x) {
  let q = 1n;
  while (!Number.isInteger(x)) {
    x *= 2;
    q *= 2n;
  }
  return [BigInt(x), q];
}

// Round p / q half up, and never below one channel.
export function nearest([p, q]) {
  const rounded = Number((2n * p + q) / (2n * q));
  return Math.max(1, rounded);
}

const times = (n, [p, q]) => [BigInt(n) * p, q];

export function stageWidths(width) {
  return STAGES.map((channels) => nearest(times(channels, fraction(width))));
}

export function blocks({ depth, width, middle }) {
  const perStage = Math.floor(depth / 6);
  const widths = stageWidths(width);
  let cIn = STEM;
  return middle.map((channels, i) => {
    const cOut = widths[Math.floor(i / perStage)];
    const stride = i % perStage === 0 && i > 0 ? 2 : 1;
    const block = { number: i + 1, cIn, middle: channels, cOut, stride };
    block.shortcut = stride !== 1 || cIn !== cOut;
    cIn = cOut;
    return block;
  });
}

export function full(depth, width) {
  const probe = { depth, width, middle: Array(Math.floor(depth / 6) * 3).fill(1) };
  return { depth, width, middle: blocks(probe).map((block) => block.cOut) };
}

// `shape`: channels, classes and size of the images.
export function params(profile, { channels = 3, classes = 10 } = {}) {
  const all = blocks(profile);
  let total = 9 * channels * STEM;
  for (const b of all) {
    total += 2 * b.cIn + 9 * b.cIn * b.middle + 2 * b.middle + 9 * b.middle * b.cOut;
    total += b.shortcut ? b.cIn * b.cOut : 0;
  }
  const last = all[all.length - 1].cOut;
  return total + 2 * last + last * classes + classes;
}

export function macs(profile, { channels = 3, classes = 10, size = 32 } = {}) {
  const all = blocks(profile);
  let side = size;
  let total = 9 * channels * STEM * side ** 2;
  for (const b of all) {
    side = Math.ceil(side / b.stride);
    total += (9 * b.cIn * b.middle + 9 * b.middle * b.cOut) * side ** 2;
    total += b.shortcut ? b.cIn * b.cOut * side ** 2 : 0;
  }
  return total + all[all.length - 1].cOut * classes;
}

// Every bottleneck width times a number or a fraction [p, q].
export function scaled(profile, factor) {
  const s = Array.isArray(factor) ? factor : fraction(factor);
  const middle = blocks(profile).map((b) => Math.min(b.cOut, nearest(times(b.middle, s))));
  return { ...profile, middle };
}

// Scale factors at which some bottleneck width grows by a channel, ascending.
export function candidates(profile) {
  const found = new Map();
  for (const b of blocks(profile))
    for (let m = 2; m <= b.cOut; m++) {
      const [p, q] = lowest(2 * m - 1, 2 * b.middle);
      found.set(`${p}/${q}`, [p, q]);
    }
  const sorted = [...found.values()].sort(([p, q], [r, s]) => p * s - r * q);
  return [[0, 1], ...sorted].map(([p, q]) => [BigInt(p), BigInt(q)]);
}

function lowest(p, q) {
  let [a, b] = [p, q];
  while (b) [a, b] = [b, a % b];
  return [p / a, q / a];
}

// The last of make(0), ..., make(number - 1), which grow, whose size is within the budget; null
// if there is none.
export function largest(make, number, budget, size) {
  if (budget < size(make(0)) || budget > size(make(number - 1))) return null;
  let [low, high] = [0, number];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    [low, high] = size(make(middle)) <= budget ? [middle, high] : [low, middle];
  }
  return make(low);
}

// The largest scaled copy with at most `budget` parameters; null if there is none.
export function fit(profile, budget, shape, factors = candidates(profile)) {
  const make = (i) => scaled(profile, factors[i]);
  return largest(make, factors.length, budget, (made) => params(made, shape));
}

// A factor that scales one profile to the other, away from where rounding changes it.
export function factorOf(source, made) {
  let [low, high] = [0, Infinity];
  blocks(made).forEach((b, i) => {
    if (b.middle > 1) low = Math.max(low, (2 * b.middle - 1) / (2 * source.middle[i]));
    if (b.middle < b.cOut) high = Math.min(high, (2 * b.middle + 1) / (2 * source.middle[i]));
  });
  return high < Infinity ? (low + high) / 2 : Math.ceil(low);
}

// The full network of a share of the width, which is a multiple of 1/128.
export function reduced({ depth, width }, factor) {
  const [p, q] = fraction(width * Math.min(1, factor));
  return full(depth, nearest([128n * p, q]) / 128);
}

// The profile after the first `removals` of a run that removed channels of `order`.
export function after(profile, order, removals) {
  const middle = [...profile.middle];
  for (const block of order.slice(0, removals)) middle[block - 1] -= 1;
  return { ...profile, middle };
}

export const same = (a, b) =>
  a.depth === b.depth && a.width === b.width && String(a.middle) === String(b.middle);

// The texts of ChannelProfile.to_json() and of one line of Python.
export function toJson({ depth, width, middle }) {
  const decimal = Number.isInteger(width) ? `${width}.0` : String(width);
  return `{"depth": ${depth}, "width": ${decimal}, "middle": [${middle.join(", ")}]}`;
}

// One line that runs.
export function toPython({ depth, width, middle }) {
  const made = `ChannelProfile(${depth}, ${width}, (${middle.join(", ")}))`;
  return `from prunelib import ChannelProfile, WideResNet; network = WideResNet(${made})`;
}
