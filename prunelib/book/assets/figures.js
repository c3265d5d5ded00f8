// Draws the Plotly figures of a page: loads Plotly once, follows the theme and the width.
(() => {
  const all = () => [...document.querySelectorAll(".plotly-place")];
  const shown = (place) => !place.closest("[hidden]");
  const places = () => all().filter(shown);
  const here = document.currentScript.src;

  function loadPlotly() {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("plotly.min.js", here).href;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  const narrow = () => window.innerWidth < 600;
  const colour = () => getComputedStyle(document.body).color;

  function axes(layout) {
    return Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
  }

  // What depends on the theme and on the width of the page.
  function look(layout) {
    const text = colour();
    const grid = text.replace("rgb(", "rgba(").replace(/\)$/, ", 0.18)");
    const change = { "font.color": text, "legend.font.color": text };
    for (const name of axes(layout)) {
      change[`${name}.gridcolor`] = grid;
      change[`${name}.linecolor`] = text;
      change[`${name}.zerolinecolor`] = grid;
      change[`${name}.tickcolor`] = text;
    }
    (layout.annotations || []).forEach((_, i) => (change[`annotations[${i}].font.color`] = text));
    if (narrow()) {
      // A legend above the chart would squeeze it on a phone.
      Object.assign(change, { "legend.y": -0.28, "legend.yanchor": "top", "font.size": 12 });
      Object.assign(change, { "margin.l": 44, "margin.r": 8 });
    }
    return change;
  }

  // Shows the figure that belongs to the buttons that are pressed.
  function choose(choices) {
    const answers = [...choices.querySelectorAll(".choice input:checked")].map((i) => i.value);
    const wanted = JSON.stringify(answers);
    let found = false;
    for (const entry of choices.querySelectorAll(".chosen")) {
      entry.hidden = JSON.stringify(JSON.parse(entry.dataset.answers)) !== wanted;
      found ||= !entry.hidden;
    }
    choices.querySelector(".choice-missing").hidden = found;
    drawShown();
  }

  async function drawShown() {
    for (const place of places()) if (!place.dataset.drawn) await draw(place);
  }

  async function draw(place) {
    place.dataset.drawn = "begun";
    const figure = JSON.parse(place.nextElementSibling.textContent);
    const height = (figure.layout.height || 450) + (narrow() && figure.data.length > 2 ? 120 : 0);
    const layout = { ...figure.layout, height, autosize: true };
    delete layout.meta;
    place.querySelector("noscript")?.remove();
    await Plotly.newPlot(place, figure.data, layout, {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      displayModeBar: narrow() ? false : "hover",
    });
    await Plotly.relayout(place, look(place.layout));
    place.dataset.drawn = "true";
  }

  addEventListener("DOMContentLoaded", async () => {
    if (!places().length) return;
    await loadPlotly();
    await drawShown();
    for (const choices of document.querySelectorAll(".choices"))
      choices.addEventListener("change", () => choose(choices));
    new MutationObserver(() => {
      for (const place of all())
        if (place.dataset.drawn === "true") Plotly.relayout(place, look(place.layout));
    }).observe(document.documentElement, { attributeFilter: ["data-theme", "data-mode"] });
  });
})();
