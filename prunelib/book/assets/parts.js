// What the widgets are made of: elements, sliders, bars, a curve, and texts.
import { blocks } from "./profile.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = "data-lm-suppress-shortcuts"; // JupyterLab would take the arrow keys.

export const unique = (name) => `pl-${name}-${Math.random().toString(36).slice(2, 9)}`;
export const count = (n) => Math.round(n).toLocaleString("en-US");
export const percent = (x) => `${x.toFixed(2)}%`;
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

// A count as people write it, such as 500k, 1.1M, 1.5e5 or 92,000; null if it is none.
export function parsed(text) {
  const match = /^(\d+(?:\.\d+)?(?:e\d{1,2})?)([kmg]?)$/.exec(text.trim().replaceAll(",", "").toLowerCase());
  return (match && Math.round(match[1] * { "": 1, k: 1e3, m: 1e6, g: 1e9 }[match[2]])) || null;
}

// A count in three digits: 564K, 2.24M.
export function short(n) {
  const [divisor, unit] = n < 999.5 ? [1, ""] : n < 999500 ? [1e3, "K"] : [1e6, "M"];
  return `${Number((n / divisor).toPrecision(3))}${unit}`;
}

// What a widget shows, in step with its model. `settled(wish, before)` makes a wish possible.
export function inStep(model, names, settled, draw) {
  const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const differs = (a, b) => names.some((name) => a[name] !== b[name]);
  const held = { now: settled(read(), read()), change, stop };
  let telling = false;

  function change(patch) {
    held.now = settled({ ...held.now, ...patch }, held.now);
    telling = true; // Each name that is set is an event: the rest are not set yet.
    for (const name of names) model.set(name, held.now[name]);
    telling = false;
    model.save_changes();
    draw();
  }

  function follow() {
    const now = read();
    if (telling || !differs(now, held.now)) return;
    held.now = now;
    draw();
  }

  function stop() {
    for (const name of names) model.off(`change:${name}`, follow);
  }

  for (const name of names) model.on(`change:${name}`, follow);
  return held;
}

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

export const h = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

// Sets text only where it changed, so that nothing is announced or selected anew.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function slider(label, change) {
  const id = unique("slider");
  const name = h("label", { for: id }, label);
  const input = h("input", {
    type: "range",
    id,
    [QUIET]: "true",
    oninput: () => change(Number(input.value)),
  });
  const value = h("span", { class: "pl-value", "aria-hidden": "true" });
  const row = h("div", { class: "pl-row" }, name, value, input);
  return {
    row,
    input,
    set({ min, max, step = 1, now, text, title }) {
      Object.assign(input, { min, max, step, disabled: false });
      input.value = now;
      input.setAttribute("aria-valuetext", text);
      say(value, text);
      if (title) say(name, title);
    },
    disable(text) {
      input.disabled = true;
      input.setAttribute("aria-valuetext", text);
      say(value, text);
    },
  };
}

// One of a few, as a row of buttons. `options`: [[value, label], ...].
export function choice(label, options, change) {
  const group = unique("choice");
  const inputs = options.map(([value]) =>
    h("input", { type: "radio", name: group, value, [QUIET]: "true", onchange: () => change(value) }),
  );
  const labels = options.map(([, title], i) => h("label", {}, inputs[i], h("span", {}, title)));
  const row = h("fieldset", { class: "pl-choice" }, h("legend", {}, label), labels);
  return {
    row,
    set(now, available = () => true) {
      inputs.forEach((input, i) => {
        input.checked = input.value === now;
        input.disabled = !available(input.value);
        labels[i].hidden = input.disabled && input.value === "custom";
      });
    },
  };
}

export const button = (label, click, attributes = {}) =>
  h("button", { type: "button", class: "pl-button", onclick: click, ...attributes }, label);

// Announces a text once it has stood still for a moment.
export function announcer() {
  const node = h("p", { class: "pl-hidden", role: "status", "aria-live": "polite" });
  let timer;
  return {
    node,
    say(text, delay = 400) {
      clearTimeout(timer);
      timer = setTimeout(() => say(node, text), delay);
    },
  };
}

// Calls `draw(width)` now and whenever the width of `place` changes.
export function fitted(place, draw) {
  let last = 0;
  const again = () => draw(Math.round(place.clientWidth) || last || 640);
  const observer = new ResizeObserver(() => {
    const width = Math.round(place.clientWidth);
    if (width && width !== last) draw((last = width));
  });
  observer.observe(place);
  return { draw: again, stop: () => observer.disconnect() };
}

const HATCH = unique("hatch");

function hatch() {
  return s(
    "defs",
    {},
    s(
      "pattern",
      { id: HATCH, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { class: "pl-bar", width: 6, height: 6 }),
      s("rect", { class: "pl-hatch", width: 2, height: 6 }),
    ),
  );
}

const text = (x, y, content, attributes = {}) => s("text", { x, y, ...attributes }, String(content));
const line = (x1, y1, x2, y2, name) => s("line", { x1, y1, x2, y2, class: name });

const BARS = { left: 48, right: 2, top: 20, bottom: 24, height: 208 };

// Where a pointer is on the bars: { block, channels }, counted from one.
export function barAt(profile, width, x, y) {
  const { left, right, top, bottom, height } = BARS;
  const all = blocks(profile);
  const i = Math.max(0, Math.min(all.length - 1, Math.floor(((x - left) * all.length) / (width - left - right))));
  const share = 1 - (y - top) / (height - top - bottom);
  return { block: i + 1, channels: Math.max(1, Math.min(all[i].cOut, Math.round(share * all[i].cOut))) };
}

// Calls back while a bar is dragged with a mouse or a pen; a finger scrolls the page.
export function draggable(place, { profile, begin, drag }) {
  let from = null;
  const at = (event) => {
    const box = place.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  place.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" && event.button === 0) from = { at: at(event), moved: false };
  });
  place.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = at(event);
    if (!from.moved && Math.abs(y - from.at[1]) < 4) return;
    if (!from.moved) begin();
    from.moved = true;
    const { block } = barAt(profile(), place.clientWidth, ...from.at);
    drag(block, barAt(profile(), place.clientWidth, from.at[0], y).channels);
  });
  const end = () => (from = null);
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) place.addEventListener(name, end);
}

// Bars of a profile: share of the full width, with the channels on top.
// `marks`: another profile, drawn as lines; `chosen`: a block; `pick(block)`: a bar was clicked.
export function bars(profile, width, { label, marks = null, chosen = 0, pick = null }) {
  const { left, right, top, bottom, height } = BARS;
  const all = blocks(profile);
  const other = marks && blocks(marks);
  const slot = (width - left - right) / all.length;
  const wide = Math.max(3, Math.min(34, slot * 0.72));
  const every = Math.ceil(20 / slot / 1.35);
  const size = slot < 19 ? 10 : 12;
  const y = (share) => top + (1 - share) * (height - top - bottom);
  const drawn = all.map((b, i) => {
    const x = left + slot * (i + 0.5);
    const share = b.middle / b.cOut;
    const title = `Block ${b.number}: ${plural(b.middle, "channel")} of ${b.cOut}, ${Math.round(100 * share)}%`;
    const fill = b.stride === 1 ? {} : { style: `fill:url(#${HATCH})` };
    const number = b.number === chosen;
    return s(
      "g",
      { class: pick ? "pl-pick" : null, onclick: () => pick?.(b.number) },
      s("title", {}, title),
      s("rect", { class: "pl-slot", x: x - slot / 2, y: 0, width: slot, height }),
      s("rect", { class: "pl-full", x: x - wide / 2, y: y(1), width: wide, height: y(0) - y(1) }),
      s("rect", {
        class: "pl-bar",
        "data-block": b.number,
        "data-channels": b.middle,
        x: x - wide / 2,
        y: y(share),
        width: wide,
        height: y(0) - y(share),
        ...fill,
      }),
      text(x, y(Math.max(share, other ? other[i].middle / other[i].cOut : 0)) - 5, b.middle, {
        class: "pl-count",
        "font-size": size,
      }),
      number
        ? s("rect", { class: "pl-chosen", x: x - Math.max(9, size * 0.8), y: height - 18, width: 2 * Math.max(9, size * 0.8), height: 17, rx: 4 })
        : null,
      i % every === 0 || number
        ? text(x, height - 5, b.number, { class: number ? "pl-tick pl-strong" : "pl-tick", "font-size": size })
        : null,
      other
        ? line(x - wide / 2 - 2, y(other[i].middle / other[i].cOut), x + wide / 2 + 2, y(other[i].middle / other[i].cOut), "pl-mark")
        : null,
    );
  });
  const grid = [0, 0.5, 1].flatMap((share) => [
    line(left, y(share), width - right, y(share), "pl-grid"),
    text(left - 6, y(share) + 4, `${100 * share}%`, { class: "pl-axis" }),
  ]);
  const attributes = { role: "img", "aria-label": label, width, height, viewBox: `0 0 ${width} ${height}` };
  return s("svg", { class: "pl-svg", ...attributes }, hatch(), grid, drawn);
}

const swatch = (...children) => s("svg", { width: 18, height: 12, "aria-hidden": "true" }, ...children);

// What the bars mean, and the same numbers as a table.
export function legend(marks) {
  const strided = s("rect", { class: "pl-bar", width: 18, height: 12, style: `fill:url(#${HATCH})` });
  return h(
    "p",
    { class: "pl-legend" },
    h("span", {}, "Channels, and share of the full width"),
    h("span", {}, swatch(strided), " halves the resolution"),
    marks ? h("span", {}, swatch(line(0, 6, 18, 6, "pl-mark")), " ", marks) : null,
  );
}

export function curveLegend() {
  const dot = (name) => s("circle", { class: name, cx: 9, cy: 6, r: 5 });
  return h(
    "p",
    { class: "pl-legend" },
    h("span", {}, swatch(line(0, 6, 18, 6, "pl-curve")), " test error along the run"),
    h("span", {}, swatch(dot("pl-dot")), " measured here"),
    h("span", {}, swatch(dot("pl-dot pl-open")), " not measured here"),
  );
}

export function table() {
  const body = h("tbody");
  const head = ["Block", "Channels", "Full width", "Share"].map((name) => h("th", { scope: "col" }, name));
  const node = h(
    "details",
    { class: "pl-details" },
    h("summary", {}, "The bars as a table"),
    h("table", {}, h("thead", {}, h("tr", {}, head)), body),
  );
  return {
    node,
    set(profile) {
      const rows = blocks(profile).map((b) => {
        const cells = [b.middle, b.cOut, `${Math.round((100 * b.middle) / b.cOut)}%`];
        return h("tr", {}, h("th", { scope: "row" }, b.number), cells.map((cell) => h("td", {}, cell)));
      });
      body.replaceChildren(...rows);
    },
  };
}

// One sentence about a profile for people who do not see the bars.
export function described(profile) {
  const all = blocks(profile).map((b) => ({ ...b, share: b.middle / b.cOut }));
  const by = (compare) => all.reduce((best, b) => (compare(b.share, best.share) ? b : best));
  const [most, least] = [by((a, b) => a > b), by((a, b) => a < b)];
  const part = (b) => `${Math.round(100 * b.share)} per cent in block ${b.number}`;
  return `Channel profile of ${all.length} blocks: ${part(most)} at most, ${part(least)} at least.`;
}

function ticks(low, high, number) {
  const raw = (high - low) / number || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= raw);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) found.push(i * step);
  return found;
}

// Error against parameters, the largest network on the left; `now`: [x, y, whether measured];
// `pick(i)`: the point of `points` nearest to a click.
export function curve(points, now, width, label, pick) {
  const [left, right, top, bottom, height] = [48, 10, 14, 40, 210];
  const [xs, ys] = [0, 1].map((i) => points.map((point) => point[i]));
  const [least, most] = [Math.min(...xs, now[0]), Math.max(...xs, now[0])];
  const [floor, ceiling] = [Math.min(...ys), Math.max(...ys)];
  const pad = 0.06 * (ceiling - floor || 1);
  const [low, high] = [Math.max(0, floor - pad), ceiling + pad];
  const x = (value) => left + ((most - value) / (most - least || 1)) * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const path = points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`);
  const [cx, cy, measured] = [x(now[0]), y(now[1]), now[2]];
  const rows = ticks(low, high, 4).flatMap((tick) => [
    line(left, y(tick), width - right, y(tick), "pl-grid"),
    text(left - 6, y(tick) + 4, `${Number(tick.toPrecision(3))}%`, { class: "pl-axis" }),
  ]);
  const columns = ticks(least, most, width < 480 ? 3 : 6).map((tick) =>
    text(Math.min(width - right - 8, x(tick)), height - 22, short(tick), { class: "pl-tick", "font-size": 12 }),
  );
  const title = text((left + width - right) / 2, height - 4, "parameters left", { class: "pl-tick", "font-size": 12 });
  const nearest = (event) => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const far = xs.map((value) => Math.abs(x(value) - at));
    pick(far.indexOf(Math.min(...far)));
  };
  return s(
    "svg",
    { class: "pl-svg pl-pick", role: "img", "aria-label": label, width, height, viewBox: `0 0 ${width} ${height}`, onclick: nearest },
    s("rect", { class: "pl-slot", x: 0, y: 0, width, height }),
    rows,
    columns,
    title,
    s("path", { class: "pl-curve", d: path.join("") }),
    line(cx, top, cx, height - bottom, "pl-now"),
    s("circle", { class: measured ? "pl-dot" : "pl-dot pl-open", cx, cy, r: 6 }),
  );
}

export function missing(study) {
  return h(
    "p",
    { class: "pl-missing" },
    `There is no pruning run at scale ${study.scale} yet, so ${study.without}. Make it with `,
    h("code", {}, study.command),
    ".",
  );
}
