// Design a channel profile: choose a family and a size, or edit a block, and compare.
import { after, blocks, candidates, factorOf, fit, full, largest, macs, params, reduced, same, scaled, toJson, toPython } from "./profile.js";
import { announcer, bars, button, choice, count, described, draggable, fitted, h, inStep, legend, missing, parsed, percent, plural, say, slider, table, unique } from "./parts.js";

const FAMILIES = [
  ["pruned-and-tuned", "Pruned"],
  ["copycat", "Copycat"],
  ["bottleneck", "Bottleneck"],
  ["reduced-width", "Reduced width"],
  ["custom", "Edited by hand"],
];
const LONGER = { long: "trained longer", longest: "trained longest" };
const STATE = ["scale", "family", "removals", "factor", "block", "width", "profile"];

// The data of one scale, unpacked.
export function unpacked(data) {
  const study = { ...data, base: full(data.depth, data.width), baseError: data.base };
  study.source = study.order && after(study.base, study.order, data.source);
  study.factors = study.source && candidates(study.source);
  return study;
}

export const pruned = (study) => study.order !== null;

export function designed(study, { family, removals, factor, profile }) {
  if (family === "pruned-and-tuned") return after(study.base, study.order, removals);
  if (family === "copycat") return scaled(study.source, factor);
  if (family === "bottleneck") return scaled(study.base, factor);
  if (family === "reduced-width") return reduced(study.base, factor);
  return JSON.parse(profile);
}

// What makes the largest network of a family within a budget: { removals } or { factor }, or
// { least, most } if the budget cannot be met. `what`: params or macs.
export function withinBudget(study, family, budget, what) {
  const size = (made) => (what === "params" ? params : macs)(made, study.shape);
  const within = (make, number) =>
    largest(make, number, budget, size) || { least: size(make(0)), most: size(make(number - 1)) };
  const { base, order } = study;
  if (family === "pruned-and-tuned") {
    const made = within((i) => after(base, order, order.length - i), order.length + 1);
    const channels = (profile) => profile.middle.reduce((sum, n) => sum + n, 0);
    return made.middle ? { removals: channels(base) - channels(made) } : made;
  }
  if (family === "reduced-width") {
    const number = Math.max(1, Math.floor(128 * base.width));
    const made = within((i) => full(base.depth, (i + 1) / 128), number);
    return made.middle ? { factor: made.width / base.width } : made;
  }
  const source = family === "copycat" ? study.source : base;
  const factors = family === "copycat" ? study.factors : candidates(base);
  const made = within((i) => scaled(source, factors[i]), factors.length);
  return made.middle ? { factor: factorOf(source, made) } : made;
}

// What a curve says of a size: { error, note }; the error is null where it says nothing.
export function reading(points, size) {
  if (!points || !points.params.length) return { error: null, note: "no runs of this family yet" };
  const { params: xs, errors: ys, runs } = points;
  const last = xs.length - 1;
  if (last === 0 && size !== xs[0]) return { error: null, note: `measured at ${count(xs[0])} parameters only` };
  if (size < xs[0] || size > xs[last])
    return { error: null, note: `outside ${count(xs[0])} to ${count(xs[last])} parameters` };
  const right = xs.findIndex((x) => x >= size);
  if (xs[right] === size) return { error: ys[right], note: `mean of ${plural(runs[right], "run")}` };
  const left = right - 1;
  const [at, begin, end] = [size, xs[left], xs[right]].map(points.log ? Math.log : Number);
  const slope = (ys[right] - ys[left]) / (end - begin);
  const number = points.walk ? Math.min(runs[left], runs[right]) : runs[left] + runs[right];
  const note = `interpolated between ${count(xs[left])} and ${count(xs[right])} parameters, ${plural(number, "run")}`;
  return { error: slope * (at - begin) + ys[left], note };
}

const shownError = ({ error, note }) =>
  error === null ? "not measured" : `${note.startsWith("mean") ? "" : "≈ "}${percent(error)}`;

const shownTime = ({ error, note }) =>
  error === null ? "not measured" : `${note.startsWith("mean") ? "" : "≈ "}${error.toFixed(2)}`;

// The rows of the comparison: title, parameters, MACs, milliseconds, error and note, as texts.
export function compared(study, family, profile) {
  const size = params(profile, study.shape);
  const row = (title, network, read, kind = family) => ({
    title,
    params: count(params(network, study.shape)),
    macs: count(macs(network, study.shape)),
    ms: shownTime(reading(study.times[kind], macs(network, study.shape))),
    error: shownError(read),
    note: read.error === null && /^(outside|measured)/.test(read.note) ? `not measured here: ${read.note}` : read.note,
  });
  const base = study.baseError
    ? { error: study.baseError.error, note: `mean of ${plural(study.baseError.runs, "run")}` }
    : { error: null, note: "no runs of this network yet" };
  const whole = same(profile, study.base);
  const rows = [];
  const longer = (name, title) => {
    for (const [end, how] of whole ? [] : Object.entries(LONGER)) {
      const read = reading(study.curves[`${name}-${end}`], size);
      const epochs = reading(study.epochs[`${name}-${end}`], size).error;
      if (read.error !== null) rows.push(row(`${title}, ${how}: ${epochs.toFixed(0)} epochs`, profile, read));
    }
  };
  if (family === "custom")
    rows.push(row("This network", profile, { error: null, note: "no curve applies to a profile edited by hand" }));
  else if (family === "pruned-and-tuned") {
    rows.push(row("This network, pruned and tuned", profile, reading(study.curves[family], size)));
    const scratch = whole ? base : reading(study.curves["pruned-from-scratch"], size);
    rows.push(row("The same shape from scratch", profile, scratch));
    longer("pruned-from-scratch", "The same shape");
  } else {
    rows.push(row("This network", profile, whole ? base : reading(study.curves[family], size)));
    longer(family, "This network");
  }
  if (study.source && family !== "copycat") {
    const copy = fit(study.source, size, study.shape, study.factors);
    if (copy) rows.push(row("Copycat of this size", copy, reading(study.curves.copycat, params(copy, study.shape)), "copycat"));
  }
  rows.push(row("Base network", study.base, base, Object.keys(study.times)[0]));
  return rows;
}

export function copycatOf(study, family, profile) {
  if (!study.source || family === "copycat") return null;
  return fit(study.source, params(profile, study.shape), study.shape, study.factors);
}

function copier(label, status) {
  const field = h("input", {
    type: "text",
    readonly: true,
    class: "pl-text",
    "aria-label": `The profile as ${label}`,
    spellcheck: "false",
    "data-lm-suppress-shortcuts": "true",
    onfocus: () => field.select(),
  });
  const press = button("Copy", copy, { "aria-label": `Copy as ${label}` });
  const row = h("div", { class: "pl-copy" }, h("span", { "aria-hidden": "true" }, label), field, press);

  async function copy() {
    let done = false;
    try {
      await navigator.clipboard.writeText(field.value);
      done = true;
    } catch {
      field.select();
      done = document.execCommand("copy");
    }
    status.say(done ? `Copied as ${label}.` : "Press Ctrl+C to copy the selected text.", 0);
    say(press, done ? "Copied" : "Ctrl+C");
    setTimeout(() => say(press, "Copy"), 1600);
  }
  return { row, set: (value) => (field.value = value) };
}

// A field for a budget; `wish(budget, what)` returns a complaint, or nothing.
function budgeter(wish) {
  const [id, told] = [unique("budget"), unique("told")];
  let [shown, typing] = [{}, false];
  const field = h("input", {
    type: "text",
    id,
    class: "pl-text",
    "aria-describedby": told,
    autocomplete: "off",
    spellcheck: "false",
    "data-lm-suppress-shortcuts": "true",
  });
  const what = h(
    "select",
    { class: "pl-text", "aria-label": "Unit of the budget", onchange: () => (field.value = count(shown[what.value])) },
    h("option", { value: "params" }, "parameters"),
    h("option", { value: "macs" }, "MACs"),
  );
  const press = h("button", { type: "submit", class: "pl-button" }, "Fit");
  const complaint = h("p", { id: told, class: "pl-complaint", role: "alert" });
  const form = h(
    "form",
    {
      class: "pl-budget",
      onsubmit: (event) => {
        event.preventDefault();
        const budget = parsed(field.value);
        typing = true; // What was typed stays, though what fits is smaller.
        const text = budget ? wish(budget, what.value) : "Type a number such as 100k, 1.5e5 or 92,000.";
        typing = false;
        say(complaint, text || "");
        field.setAttribute("aria-invalid", String(Boolean(text)));
      },
    },
    h("label", { for: id }, "Budget"),
    field,
    what,
    press,
  );
  return {
    nodes: [form, complaint],
    set(sizes, possible) {
      shown = sizes;
      for (const node of [field, what, press]) node.disabled = !possible;
      if (typing) return;
      field.value = count(shown[what.value]);
      say(complaint, "");
      field.removeAttribute("aria-invalid");
    },
  };
}

function comparison() {
  const body = h("tbody");
  const columns = ["Network", "Parameters", "MACs", "Milliseconds", "Test error"];
  const head = h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)));
  const node = h("table", { class: "pl-compare" }, h("thead", {}, head), body);
  const cells = (r) => [
    h("th", { scope: "row" }, r.title, h("small", {}, r.note)),
    ...[r.params, r.macs, r.ms, r.error].map((value) => h("td", {}, value)),
  ];
  return { node, set: (rows) => body.replaceChildren(...rows.map((r) => h("tr", {}, cells(r)))) };
}

function render({ model, el }) {
  const studies = Object.fromEntries(
    Object.entries(model.get("data").scales).map(([name, data]) => [name, unpacked(data)]),
  );
  // Brings a wish into a state that is possible: another scale has other limits.
  function settled(wish, before) {
    const study = studies[wish.scale];
    const next = { ...wish };
    const moved = next.scale !== before.scale && next.family === "custom";
    if (moved || (!pruned(study) && ["pruned-and-tuned", "copycat"].includes(next.family)))
      next.family = pruned(study) ? "pruned-and-tuned" : "bottleneck";
    next.removals = Math.min(next.removals, pruned(study) ? study.order.length : 0);
    if (next.family !== "copycat" && next.family !== before.family) next.factor = Math.min(1, next.factor);
    const profile = designed(study, next);
    next.block = Math.min(next.block, profile.middle.length);
    return { ...next, profile: toJson(profile), width: profile.middle[next.block - 1] };
  }

  const held = inStep(model, STATE, settled, () => draw());
  const begun = held.now;
  const done = [];

  // What was before can be brought back; a drag counts as one step.
  function change(patch, kept = true) {
    if (kept) done.push(held.now);
    held.change(patch);
  }

  function edit(width, block = held.now.block, kept = true) {
    const profile = JSON.parse(held.now.profile);
    profile.middle[block - 1] = width;
    change({ family: "custom", block, profile: toJson(profile) }, kept);
  }

  const status = announcer();
  const scales = choice("Scale", Object.keys(studies).map((name) => [name, name]), (scale) => change({ scale }));
  const families = choice("Family", FAMILIES, (family) => change({ family }));
  const size = slider("Channels removed", (value) =>
    change(held.now.family === "pruned-and-tuned" ? { removals: value } : { factor: value }),
  );
  const budget = budgeter((wanted, what) => {
    const found = withinBudget(studies[held.now.scale], held.now.family, wanted, what);
    if (!("least" in found)) return change(found);
    const [title] = FAMILIES.filter(([name]) => name === held.now.family).map(([, text]) => text.toLowerCase());
    const units = what === "params" ? "parameters" : "MACs";
    return `No ${title} network has ${count(wanted)} ${units}: choose ${count(found.least)} to ${count(found.most)}.`;
  });
  const block = slider("Block", (value) => change({ block: value }));
  const width = slider("Its channels", (value) => edit(value));
  const undo = button("Undo", () => held.change(done.pop()));
  const reset = button("Reset", () => change(begun));
  const chart = h("div", { class: "pl-chart" });
  const note = h("div");
  const rows = comparison();
  const values = table();
  const python = copier("Python", status);
  const json = copier("JSON", status);
  const marked = legend("copycat of this size");
  const timed = h("p", { class: "pl-source" }, model.get("data").timed || "");

  const root = h(
    "section",
    { class: "pl-widget", "aria-label": "Design a channel profile" },
    h("div", { class: "pl-choices" }, Object.keys(studies).length > 1 ? scales.row : null, families.row),
    note,
    budget.nodes,
    size.row,
    chart,
    marked,
    h("div", { class: "pl-pair" }, block.row, width.row),
    h("div", { class: "pl-buttons" }, undo, reset),
    rows.node,
    h("div", { class: "pl-copies" }, python.row, json.row),
    values.node,
    timed,
    status.node,
  );

  draggable(chart, {
    profile: () => designed(studies[held.now.scale], held.now),
    begin: () => done.push(held.now),
    drag: (number, channels) => edit(channels, number, false),
  });

  const view = fitted(chart, (wide) => {
    const study = studies[held.now.scale];
    const profile = designed(study, held.now);
    const label = `${described(profile)} ${count(params(profile, study.shape))} parameters.`;
    const marks = copycatOf(study, held.now.family, profile);
    const pick = (number) => change({ block: number });
    chart.replaceChildren(bars(profile, wide, { label, marks, chosen: held.now.block, pick }));
    marked.lastChild.hidden = !marks;
  });

  function draw() {
    const study = studies[held.now.scale];
    const profile = designed(study, held.now);
    const { removals, factor, family } = held.now;
    root.dataset.family = family;
    scales.set(held.now.scale);
    families.set(family, (name) =>
      name === "custom" ? family === "custom" : pruned(study) || !["pruned-and-tuned", "copycat"].includes(name),
    );
    if (family === "custom") size.disable("–");
    else if (family === "pruned-and-tuned")
      size.set({ title: "Channels removed", min: 0, max: study.order.length, now: removals, text: `${removals} of ${study.order.length}` });
    else
      size.set({ title: "Scale factor", min: 0.01, max: family === "copycat" ? 2 : 1, step: 0.01, now: factor, text: `× ${factor.toFixed(2)}` });
    const made = { params: params(profile, study.shape), macs: macs(profile, study.shape) };
    budget.set(made, family !== "custom");
    const chosen = blocks(profile)[held.now.block - 1];
    block.set({ min: 1, max: profile.middle.length, now: held.now.block, text: `${held.now.block} of ${profile.middle.length}` });
    width.set({ min: 1, max: chosen.cOut, now: chosen.middle, text: `${chosen.middle} of ${chosen.cOut}`, title: `Channels in block ${held.now.block}` });
    note.replaceChildren(...(pruned(study) ? [] : [missing(study)]));
    const compare = compared(study, family, profile);
    rows.set(compare);
    values.set(profile);
    python.set(toPython(profile));
    json.set(toJson(profile));
    undo.disabled = !done.length;
    view.draw();
    const [own] = compare;
    status.say(`${own.params} parameters, ${own.macs} MACs, error ${own.error}: ${own.note}.`);
  }

  el.replaceChildren(root);
  draw();
  return () => {
    view.stop();
    held.stop();
  };
}

export default { render };
