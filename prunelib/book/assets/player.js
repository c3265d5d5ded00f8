// Walk through a pruning run: the profile shrinks, a dot moves along the measured error.
import { after, full, macs, params } from "./profile.js";
import { announcer, bars, button, bytes, choice, count, curve, curveLegend, described, fitted, h, legend, missing, percent, say, slider, table } from "./parts.js";

const STATE = ["scale", "removals"];
const SECONDS = 20; // a whole run

// The data of one scale, unpacked; the numbers of each removal follow from the profile.
export function unpacked(data) {
  const study = { ...data, base: full(data.depth, data.width) };
  if (data.order === null) return { ...study, order: null };
  study.order = [...bytes(data.order)];
  study.channels = [...new Uint16Array(bytes(data.channels).buffer)];
  study.errors = [...new Uint16Array(bytes(data.errors).buffer)].map((e) => (e === 65535 ? null : e / 100));
  study.saliencies = [...new Float32Array(bytes(data.saliencies).buffer)];
  study.sizes = study.errors.map((_, i) => params(after(study.base, study.order, i), study.shape));
  return study;
}

export const profileAt = (study, removals) => after(study.base, study.order, removals);

// Where the run stands: texts, and the last measured error with the removals it was measured at.
export function position(study, removals) {
  let measured = removals;
  while (measured > 0 && study.errors[measured] === null) measured--;
  const error = study.errors[measured];
  const here = measured === removals;
  const at = `after ${measured} removals`;
  const scored = study.saliencies[removals];
  const scores = scored === undefined || Number.isNaN(scored) ? "" : `, saliency ${scored.toExponential(1)}`;
  return {
    removed: `${removals} of ${study.order.length}`,
    params: count(study.sizes[removals]),
    macs: count(macs(profileAt(study, removals), study.shape)),
    error: here && error !== null ? percent(error) : "not measured here",
    last: here || error === null ? "" : `last measured ${at}: ${percent(error)}`,
    next:
      removals < study.order.length
        ? `block ${study.order[removals]}, channel ${study.channels[removals]}${scores}`
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

function render({ model, el }) {
  const studies = Object.fromEntries(
    Object.entries(model.get("data").scales).map(([name, data]) => [name, unpacked(data)]),
  );
  const read = () => Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
  let state = read();
  let telling = false;
  let timer = null;
  const study = () => studies[state.scale];
  const last = () => study().order?.length ?? 0;

  function change(patch) {
    state = { ...state, ...patch };
    state.removals = Math.max(0, Math.min(last(), state.removals));
    telling = true; // Each name that is set is an event: the rest are not set yet.
    for (const name of STATE) model.set(name, state[name]);
    telling = false;
    model.save_changes();
    draw();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    draw();
  }

  // People who ask for less motion get ten still pictures, a second each.
  function start() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [step, wait] = still ? [Math.ceil(last() / 10), 1000] : pace();
    if (state.removals === last()) change({ removals: 0 });
    timer = setInterval(() => {
      change({ removals: state.removals + step });
      if (state.removals === last() || !root.isConnected) pause();
    }, wait);
    draw();
  }

  function pace() {
    const step = Math.max(1, Math.round(last() / SECONDS / 20));
    return [step, (1000 * SECONDS * step) / Math.max(last(), 100)];
  }

  function step(by) {
    if (timer) pause();
    change({ removals: state.removals + by });
  }

  const status = announcer();
  const scales = choice("Scale", Object.keys(studies).map((name) => [name, name]), (scale) => {
    if (timer) pause();
    change({ scale });
  });
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
  const source = h("p", { class: "pl-source" });
  const note = h("div");
  const body = h(
    "div",
    {},
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
    { class: "pl-widget", "aria-label": "Walk through a pruning run" },
    Object.keys(studies).length > 1 ? h("div", { class: "pl-choices" }, scales.row) : null,
    note,
    body,
    source,
    status.node,
  );

  const above = fitted(chart, (wide) => {
    if (!study().order) return;
    const profile = profileAt(study(), state.removals);
    const label = `${described(profile)} ${count(study().sizes[state.removals])} parameters.`;
    chart.replaceChildren(bars(profile, wide, { label }));
  });
  const below = fitted(errors, (wide) => {
    if (!study().order) return;
    const now = position(study(), state.removals);
    const points = study().sizes.map((x, i) => [x, study().errors[i]]).filter(([, y]) => y !== null);
    const label = `Test error against parameters left; now ${now.params} parameters, ${now.error}${now.last && `, ${now.last}`}.`;
    const dot = [study().sizes[state.removals], now.dot ?? 0, now.measured];
    errors.replaceChildren(curve(points, dot, wide, label));
  });

  function draw() {
    scales.set(state.scale);
    say(source, study().provenance);
    body.hidden = !study().order;
    note.replaceChildren(...(study().order ? [] : [missing(study())]));
    if (!study().order) return;
    const now = position(study(), state.removals);
    walk.set({ min: 0, max: last(), now: state.removals, text: now.removed });
    say(play, timer ? "Pause" : "Play");
    back.disabled = state.removals === 0;
    forth.disabled = state.removals === last();
    numbers.set(now);
    values.set(profileAt(study(), state.removals));
    above.draw();
    below.draw();
    const told = now.last ? `${now.error}, ${now.last}` : now.error;
    if (!timer)
      status.say(`${now.removed} channels removed, ${now.params} parameters, ${now.macs} MACs, error ${told}. Next: ${now.next}.`);
  }

  function follow() {
    const now = read();
    if (telling || STATE.every((name) => now[name] === state[name])) return;
    state = now;
    draw();
  }

  el.replaceChildren(root);
  draw();
  for (const name of STATE) model.on(`change:${name}`, follow);
  return () => {
    clearInterval(timer);
    above.stop();
    below.stop();
    for (const name of STATE) model.off(`change:${name}`, follow);
  };
}

export default { render };
