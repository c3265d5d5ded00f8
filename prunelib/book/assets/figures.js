// Draws the Plotly figures of a page: loads Plotly once, follows the theme and the width, names the
// lines at their ends, keeps what a reader chose in the address, and gives a figure away as PNG.
(() => {
  const here = document.currentScript.src;
  const book = new URL("../", here);
  const WIDE = 620; // A narrower chart has its names below, not at the ends of its lines.
  const drawn = new WeakMap();

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = (node) => !node.closest("[hidden]");
  const figures = () => all(".plotly-figure");

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function loadPlotly() {
    return new Promise((resolve, reject) => {
      const script = element("script", { src: new URL("plotly.min.js", here).href });
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  // Texts of Plotly are half HTML; the page shows them as text.
  function plain(text) {
    const area = document.createElement("textarea");
    area.innerHTML = String(text).replaceAll("<br>", " ").replaceAll("<", "&lt;");
    return area.value;
  }

  // ---- How a figure looks: its theme and its width.

  const axes = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));

  function themed(layout) {
    const text = getComputedStyle(document.body).color;
    const grid = text.replace("rgb(", "rgba(").replace(/\)$/, ", 0.18)");
    const change = { "font.color": text };
    for (const name of axes(layout))
      for (const [part, colour] of [["gridcolor", grid], ["zerolinecolor", grid], ["linecolor", text], ["tickcolor", text]])
        change[`${name}.${part}`] = colour;
    (layout.annotations || []).forEach((_, i) => (change[`annotations[${i}].font.color`] = text));
    return change;
  }

  function fitted(figure, width) {
    const narrow = width < WIDE;
    const layout = structuredClone(figure.layout);
    layout.autosize = true;
    layout.dragmode = narrow || matchMedia("(pointer: coarse)").matches ? false : "zoom";
    layout.font = { ...layout.font, size: narrow ? 12 : 14 };
    layout.margin = { ...layout.margin, ...(narrow ? { l: 48, r: 10 } : {}) };
    for (const name of axes(layout)) {
      if (narrow && layout[name].dtick === 1 && name.startsWith("x")) layout[name].dtick = 2; // every other block
    }
    (layout.annotations || []).forEach((note) => (note.font = { ...note.font, size: narrow ? 12 : 14 }));
    return layout;
  }

  // ---- Names of the traces: at the ends of lines, or in a list below.

  const named = (figure) => figure.data.filter((trace) => trace.meta?.label && (trace.x?.length ?? 0) > 0);
  const lined = (figure) => named(figure).every((trace) => trace.mode?.includes("lines"));
  const atEnds = (place, figure) =>
    place.clientWidth >= WIDE && named(figure).length > 1 && lined(figure);

  function nameOf(place, trace, tag) {
    const colour = trace.marker?.color ?? trace.line?.color;
    const glyph = element("span", { class: "figure-glyph", "data-glyph": trace.meta.glyph, "aria-hidden": "true", style: `color:${colour}` });
    const dash = trace.mode?.includes("lines") && trace.line?.dash;
    const line = tag === "li" && dash && dash !== "solid" ? [element("span", { class: "figure-dash", "data-dash": dash, style: `color:${colour}` })] : [];
    const node = element(tag, { "data-group": trace.legendgroup ?? "" }, glyph, ...line, " ", plain(trace.name));
    node.addEventListener("mouseenter", () => fade(place, trace.legendgroup));
    node.addEventListener("mouseleave", () => fade(place, null));
    return node;
  }

  function label(place, figure) {
    const frame = place.parentElement;
    all(".figure-ends, .figure-names", frame.parentElement).forEach((node) => node.remove());
    if (named(figure).length < 2) return 0;
    if (!atEnds(place, figure)) {
      const list = element("ul", { class: "figure-names", "aria-hidden": "true" });
      list.append(...named(figure).map((trace) => nameOf(place, trace, "li")));
      frame.after(list);
      return 0;
    }
    const ends = element("div", { class: "figure-ends", "aria-hidden": "true" });
    ends.append(...named(figure).map((trace) => nameOf(place, trace, "span")));
    frame.append(ends);
    return Math.max(...[...ends.children].map((node) => node.offsetWidth));
  }

  // Puts each name beside the last point of its line, apart from the others, and joins the two.
  function settle(place, figure) {
    const ends = place.parentElement.querySelector(".figure-ends");
    if (!ends || !place._fullLayout) return;
    const box = place._fullLayout._size;
    const right = box.l + box.w;
    const rows = place._fullData
      .filter((trace) => trace.meta?.label && trace.visible === true && (trace.x?.length ?? 0) > 0)
      .map((trace, i) => ({ node: ends.children[i], ...lastPoint(place, trace, right), colour: trace.marker?.color ?? trace.line.color }))
      .sort((a, b) => a.y - b.y);
    keepApart(rows, box.t + box.h + 24);
    const SVG = "http://www.w3.org/2000/svg";
    ends.querySelector("svg")?.remove();
    const joints = document.createElementNS(SVG, "svg");
    for (const row of rows) {
      row.node.style.left = `${right + 22}px`;
      row.node.style.top = `${row.at - row.half}px`;
      const joint = document.createElementNS(SVG, "polyline");
      joint.setAttribute("points", `${row.x + 6},${row.y} ${right + 18},${row.at}`);
      joint.setAttribute("stroke", row.colour);
      joints.append(joint);
    }
    ends.append(joints);
  }

  // Where names stand: in the order of their lines' ends, apart, and as near to these as that allows.
  function keepApart(rows, bottom) {
    const groups = [];
    let before = 0;
    for (const row of rows) {
      row.half = row.node.offsetHeight / 2;
      row.before = before;
      before += 2 * row.half + 1;
      let group = { top: row.y - row.half - row.before, rows: [row] };
      while (groups.length && groups.at(-1).top > group.top) {
        const above = groups.pop();
        const [m, n] = [above.rows.length, group.rows.length];
        group = { top: (m * above.top + n * group.top) / (m + n), rows: [...above.rows, ...group.rows] };
      }
      groups.push(group);
    }
    for (const group of groups)
      for (const row of group.rows)
        row.at = Math.max(0, Math.min(group.top, bottom - before)) + row.before + row.half;
  }

  function lastPoint(place, trace, right) {
    const [xaxis, yaxis] = ["x", "y"].map((name) => place._fullLayout[`${name}axis${(trace[`${name}axis`] || name).slice(1)}`]);
    let best = { x: right, y: yaxis._offset + yaxis._length / 2 };
    let farthest = -Infinity;
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.y[i] == null) continue;
      const [x, y] = [xaxis.d2p(trace.x[i]), yaxis.d2p(trace.y[i])];
      if (!(x > farthest) || x > xaxis._length + 1 || y < -1 || y > yaxis._length + 1) continue;
      farthest = x;
      best = { x: xaxis._offset + x, y: yaxis._offset + y };
    }
    return best;
  }

  // The other families step back while one is pointed at.
  function fade(place, group) {
    const traces = (place._fullData || []).filter((trace) => trace.type === "scatter");
    for (const trace of traces)
      for (const node of all(`.trace${trace.uid}`, place))
        node.style.opacity = group == null || trace.legendgroup === group ? "" : "0.15";
    for (const node of all("[data-group]", place.closest(".plotly-figure")))
      node.style.opacity = group == null || node.dataset.group === group ? "" : "0.35";
  }

  // ---- What a click on a point shows: the records behind it.

  function records(figure, keys) {
    const links = keys.map((key) => {
      const path = key.includes("/") ? key : `${figure.scale}/${key}`;
      return element("a", { href: new URL(`records/${path}.json`, book).href }, path);
    });
    return links.flatMap((link, i) => (i ? [", ", link] : [link]));
  }

  function tellRecords(place, figure, event) {
    const [point] = event.points;
    const rows = point?.data.meta?.records || [];
    const keys = (rows.length === 1 ? rows[0] : rows[point.pointIndex]) || [];
    const told = place.closest(".plotly-figure").querySelector(".figure-records");
    told.replaceChildren(...(keys.length ? [`${plain(point.data.name)}, from the records `, ...records(figure, keys)] : []));
  }

  // ---- Drawing.

  async function draw(root) {
    const place = root.querySelector(".plotly-place");
    if (place.dataset.drawn) return;
    place.dataset.drawn = "begun";
    place.replaceChildren();
    const figure = JSON.parse(root.querySelector("script").textContent);
    drawn.set(root, figure);
    await redraw(root);
    place.on("plotly_hover", (event) => fade(place, event.points[0].data.legendgroup ?? null));
    place.on("plotly_unhover", () => fade(place, null));
    place.on("plotly_click", (event) => tellRecords(place, figure, event));
    place.on("plotly_afterplot", () => settle(place, figure));
    place.on("plotly_relayout", (change) => {
      const zoomed = Object.keys(change).some((name) => /range\[0\]$/.test(name));
      if (zoomed) root.querySelector(".figure-reset").hidden = false;
    });
    for (const [name, press] of [["reset", () => redraw(root)], ["png", () => png(root)]])
      root.querySelector(`.figure-${name}`).addEventListener("click", press);
    root.querySelector(".figure-png").hidden = false;
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (!place.clientWidth || Math.abs(place.clientWidth - width) < 2) return;
      width = place.clientWidth;
      redraw(root);
    }).observe(place);
    place.dataset.drawn = "true";
  }

  async function redraw(root) {
    const [place, figure] = [root.querySelector(".plotly-place"), drawn.get(root)];
    const layout = fitted(figure, place.clientWidth);
    const room = label(place, figure);
    if (room) layout.margin.r = room + 30;
    place.style.minHeight = `${layout.height}px`;
    await Plotly.react(place, structuredClone(figure.data), layout, { displayModeBar: false, responsive: false });
    await Plotly.relayout(place, themed(place.layout));
    root.querySelector(".figure-reset").hidden = true;
    settle(place, figure);
  }

  const drawShown = () => Promise.all(figures().filter(shown).map(draw));

  async function png(root) {
    const figure = drawn.get(root);
    const size = { width: 1000, height: Math.max(560, figure.layout.height + 120) };
    const [ink, paper] = [{ color: "#222222", size: 14 }, "#ffffff"];
    const layout = {
      ...figure.layout,
      ...size,
      font: ink,
      paper_bgcolor: paper,
      plot_bgcolor: paper,
      showlegend: named(figure).length > 1,
      legend: { orientation: "h", y: -0.18, yanchor: "top" },
      margin: { l: 80, r: 30, t: 60, b: 120 },
      title: { text: figure.title },
    };
    const data = figure.data.map((trace) => ({ ...trace, showlegend: Boolean(trace.meta?.label) }));
    const url = await Plotly.toImage({ data, layout }, { format: "png", ...size, scale: 2 });
    element("a", { href: url, download: `${figure.name}.png` }).click();
  }

  // ---- Choices: kept for the page, and in its address: #figure?scale=mini&axis=parameters

  function address() {
    const [anchor, query] = decodeURIComponent(location.hash.slice(1)).split("?");
    return { anchor, held: new URLSearchParams(query || "") };
  }

  const answersOf = (root) => Object.entries(JSON.parse(root.dataset.answers));
  const chosenIn = (group) => all(".choice", group).map((field) => [field.dataset.question, field.querySelector("input:checked").value]);

  // Chooses as far as there is a figure: from the first question to the last.
  function choose(group, wished) {
    let left = all(".chosen", group);
    for (const field of all(".choice", group)) {
      const question = field.dataset.question;
      const inputs = all("input", field);
      const possible = new Set(left.map((root) => Object.fromEntries(answersOf(root))[question]));
      for (const input of inputs) input.disabled = !possible.has(input.value);
      const now = inputs.find((input) => input.checked);
      const wanted = inputs.find((input) => input.value === wished[question]) || now;
      const taken = !wanted.disabled ? wanted : !now.disabled ? now : inputs.find((input) => !input.disabled);
      taken.checked = true;
      left = left.filter((root) => Object.fromEntries(answersOf(root))[question] === taken.value);
    }
    for (const root of all(".chosen", group)) root.hidden = root !== left[0];
  }

  function chooseAll(wished) {
    for (const group of all(".choices")) if (group.querySelector(".choice")) choose(group, wished);
    return drawShown();
  }

  function hold(group, field) {
    const question = field.dataset.question;
    const value = field.querySelector("input:checked").value;
    const { held } = address();
    held.set(question, value);
    for (const [name, answer] of chosenIn(group)) if (held.has(name)) held.set(name, answer);
    history.replaceState(null, "", `#${group.dataset.anchor}?${held}`);
    choose(group, { [question]: value });
    return chooseAll(Object.fromEntries(held));
  }

  async function follow() {
    const { anchor, held } = address();
    if (![...held].length) return;
    await chooseAll(Object.fromEntries(held));
    document.getElementById(anchor)?.scrollIntoView();
  }

  function listenToButtons() {
    const press = {
      "window.print": () => window.print(),
      toggleFullScreen: () => window.toggleFullScreen?.(),
    };
    for (const button of all("[data-press]")) button.addEventListener("click", press[button.dataset.press]);
  }

  addEventListener("DOMContentLoaded", async () => {
    listenToButtons();
    if (!figures().length) return;
    await loadPlotly();
    for (const group of all(".choices"))
      group.addEventListener("change", (event) => {
        const field = event.target.closest(".choice");
        if (field) hold(group, field);
      });
    await follow();
    await drawShown();
    addEventListener("hashchange", follow);
    new MutationObserver(() => {
      for (const root of figures()) {
        const place = root.querySelector(".plotly-place");
        if (place.dataset.drawn === "true") Plotly.relayout(place, themed(place.layout));
      }
    }).observe(document.documentElement, { attributeFilter: ["data-theme", "data-mode"] });
  });
})();
