// Brings the widgets of a page to life without a kernel: each gets its module and a model.
(() => {
  const here = document.currentScript.src;
  const models = new Map();

  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const call of [...(this.listeners[`change:${name}`] || [])]) call();
    }
    on(event, call) {
      (this.listeners[event] ||= []).push(call);
    }
    off(event, call) {
      this.listeners[event] = (this.listeners[event] || []).filter((each) => call && each !== call);
    }
    save_changes() {}
    send() {}
  }

  // Importing a file is blocked where a page is itself a file; a script and a Blob are not.
  function loadSources() {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("widget-modules.js", here).href;
      script.onload = () => resolve(window.prunelibModules);
      script.onerror = reject;
      document.head.append(script);
    });
  }

  const imported = new Map();
  function load(source) {
    if (!imported.has(source)) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      imported.set(source, import(url));
    }
    return imported.get(source);
  }

  addEventListener("DOMContentLoaded", async () => {
    const places = [...document.querySelectorAll(".widget-place")];
    if (!places.length) return;
    const sources = await loadSources();
    for (const place of places) {
      const { id, module, esm, css, state } = JSON.parse(place.querySelector("script").textContent);
      if (!models.has(id)) models.set(id, new Model(state));
      const model = models.get(id);
      const { default: widget } = await load(esm ?? sources[module]);
      const el = document.createElement("div");
      if (css) {
        const style = document.createElement("style");
        style.textContent = css;
        place.append(style);
      }
      place.append(el);
      await widget.initialize?.({ model });
      await widget.render({ model, el });
      place.dataset.ready = "true";
    }
  });
})();
