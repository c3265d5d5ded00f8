// Walk through a pruning run: the profile shrinks, a dot moves along the measured error.
import { after, full, macs, params } from "./profile.js";
import { announcer, bars, button, choice, count, curve, curveLegend, described, fitted, h, inStep, legend, missing, percent, say, slider, table } from "./parts.js";

const STATE = ["scale", "seed", "removals"];
const SPEEDS = [["40", "slow"], ["20", "normal"], ["5", "fast"]]; // seconds a whole run

// The data of one scale and seed; the numbers of each removal follow from the profile.
export function unpacked(data, seed) {
  const base = full(data.depth, data.width);
  const run = data.runs[seed];
  if (!run) return { ...data, base, order: null };
  const sizes = run.errors.map((_, i) => params(after(base, run.order, i), data.shape));
  return { ...data, ...run, base, sizes };
}

export const profileAt = (study, removals) => after(study.base, study.order, removals);

// Where the run stands: texts, and the last measured error with the removals it was measured at.
export function position(study, removals) {
  let measured = removals;
  while (measured > 0 && study.errors[measured] === null) measured--;
  const error = study.errors[measured];
  const here = measured === removals;
  const scored = study.saliencies[removals];
  const scores = scored == null ? "" : `, saliency ${scored.toExponential(1)} nats`;
  return {
    removed: `${removals} of ${study.order.length}`,
    params: count(study.sizes[removals]),
    macs: count(macs(profileAt(study, removals), study.shape)),
    error: error === null ? "not measured here" : percent(error),
    last: here || error === null ? "" : `measured after ${measured} removals`,
    next:
      removals < study.order.length
        ? `block ${study.order[removals]}, channel ${study.channels[removals] + 1}${scores}`
        : "nothing: the run ends here",
    dot: error,
    measured: here,
  };
}

function facts() {
  const names = { params: "Parameters", macs: "MACs", error: "Test error", next: "Goes next" };
  const values = Object.fromEntries(Object.keys(names).map((key) => [key, h("dd", { "data-fact": key })]));
  const node = h("dl", { class: "pl-facts" }, Object.entries(names).map(([key, name]) => h("div", { class: `pl-fact-${key}` }, h("dt", {}, name), values[key])));
  return {
    node,
    set(now) {
      for (const key of Object.keys(names)) say(values[key], now[key]);
      if (now.last) values.error.append(h("small", {}, now.last));
    },
  };
}

// Everything that the player must know, unpacked once for each scale and seed.
function library(scales) {
  const found = {};
  return (scale, seed) => (found[`${scale} ${seed}`] ??= unpacked(scales[scale], seed));
}

function render({ model, el }) {
  const scales = model.get("data").scales;
  const all = library(scales);
  const seedsOf = (scale) => Object.keys(scales[scale].runs);
  let timer = null;
  let seconds = 20;

  // A run of another scale or seed is shown where it has lost the same share of its channels.
  function settled(wish, before) {
    const seeds = seedsOf(wish.scale);
    const seed = !seeds.length || seeds.includes(String(wish.seed)) ? wish.seed : Number(seeds[0]);
    const end = all(wish.scale, seed).order?.length ?? 0;
    const was = all(before.scale, before.seed).order?.length ?? 0;
    const moved = wish.scale !== before.scale || wish.seed !== before.seed;
    const removals = moved && was ? Math.round((wish.removals / was) * end) : wish.removals;
    return { ...wish, seed, removals: Math.max(0, Math.min(end, removals)) };
  }

  const held = inStep(model, STATE, settled, () => draw());
  const study = () => all(held.now.scale, held.now.seed);
  const last = () => study().order?.length ?? 0;
  const { change } = held;

  function pause() {
    clearInterval(timer);
    timer = null;
    draw();
  }

  // People who ask for less motion get ten still pictures, a second each.
  function start() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [step, wait] = still ? [Math.ceil(last() / 10), 1000] : pace();
    if (held.now.removals === last()) change({ removals: 0 });
    timer = setInterval(() => {
      change({ removals: held.now.removals + step });
      if (held.now.removals === last() || !root.isConnected) pause();
    }, wait);
    draw();
  }

  function pace() {
    const step = Math.max(1, Math.round(last() / seconds / 20));
    return [step, (1000 * seconds * step) / Math.max(last(), 100)];
  }

  function step(by) {
    if (timer) pause();
    change({ removals: held.now.removals + by });
  }

  const status = announcer();
  const chosen = choice("Scale", Object.keys(scales).map((name) => [name, name]), (scale) => {
    if (timer) pause();
    change({ scale });
  });
  const seedNames = [...new Set(Object.keys(scales).flatMap(seedsOf))];
  const seeds = choice("Seed", seedNames.map((seed) => [seed, seed]), (seed) => {
    if (timer) pause();
    change({ seed: Number(seed) });
  });
  const speeds = choice("Speed", SPEEDS, (chosen) => {
    seconds = Number(chosen);
    speeds.set(chosen);
    if (timer) pause(), start();
  });
  const jump = (removals) => {
    if (timer) pause();
    change({ removals });
  };
  const walk = slider("Channels removed", (removals) => {
    if (timer) pause();
    change({ removals });
  });
  const play = button("Play", () => (timer ? pause() : start()), { class: "pl-button pl-play" });
  const back = button("−1", () => step(-1), { "aria-label": "One removal back" });
  const forth = button("+1", () => step(1), { "aria-label": "One removal forward" });
  const chart = h("div", { class: "pl-chart" });
  const errors = h("div", { class: "pl-chart" });
  const numbers = facts();
  const values = table();
  const note = h("div");
  const body = h(
    "div",
    {},
    speeds.row,
    h("div", { class: "pl-transport" }, h("div", { class: "pl-buttons" }, play, back, forth), walk.row),
    numbers.node,
    chart,
    legend(null),
    errors,
    curveLegend(),
    values.node,
  );
  const root = h(
    "section",
    { class: "pl-widget", "data-family": "pruned-and-tuned", "aria-label": "Walk through a pruning run" },
    h("div", { class: "pl-choices" }, Object.keys(scales).length > 1 ? chosen.row : null, seedNames.length > 1 ? seeds.row : null),
    note,
    body,
    status.node,
  );

  const above = fitted(chart, (wide) => {
    if (!study().order) return;
    const profile = profileAt(study(), held.now.removals);
    const label = `${described(profile)} ${count(study().sizes[held.now.removals])} parameters.`;
    // A click on a block leads to where it loses its next channel.
    const pick = (block) => {
      const next = study().order.indexOf(block, held.now.removals);
      if (next >= 0) jump(next + 1);
    };
    chart.replaceChildren(bars(profile, wide, { label, pick }));
  });
  const below = fitted(errors, (wide) => {
    if (!study().order) return;
    const now = position(study(), held.now.removals);
    const points = study().sizes.map((x, i) => [x, study().errors[i], i]).filter(([, y]) => y !== null);
    const label = `Test error against parameters left; now ${now.params} parameters, ${now.error}${now.last && `, ${now.last}`}.`;
    const dot = [study().sizes[held.now.removals], now.dot ?? 0, now.measured];
    errors.replaceChildren(curve(points, dot, wide, label, (i) => jump(points[i][2])));
  });

  function draw() {
    chosen.set(held.now.scale);
    seeds.set(String(held.now.seed), (seed) => seedsOf(held.now.scale).includes(seed));
    speeds.set(String(seconds));
    body.hidden = !study().order;
    note.replaceChildren(...(study().order ? [] : [missing(study())]));
    if (!study().order) return;
    const now = position(study(), held.now.removals);
    walk.set({ min: 0, max: last(), now: held.now.removals, text: now.removed });
    say(play, timer ? "Pause" : "Play");
    back.disabled = held.now.removals === 0;
    forth.disabled = held.now.removals === last();
    numbers.set(now);
    values.set(profileAt(study(), held.now.removals));
    above.draw();
    below.draw();
    const told = now.last ? `${now.error}, ${now.last}` : now.error;
    if (!timer)
      status.say(`${now.removed} channels removed, ${now.params} parameters, ${now.macs} MACs, error ${told}. Next: ${now.next}.`);
  }

  el.replaceChildren(root);
  draw();
  return () => {
    clearInterval(timer);
    above.stop();
    below.stop();
    held.stop();
  };
}

export default { render };
