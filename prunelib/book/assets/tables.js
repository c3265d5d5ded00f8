// A table of sentences is unreadable in the columns of a phone: there each of its rows becomes a
// short list (pages.css), in which a cell names its column.
addEventListener("DOMContentLoaded", () => {
  const MOST = 80; // Characters in a row that a phone still shows side by side.
  const elsewhere = ".plotly-figure, .pl-widget, .tag_beside-right";
  const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };
  const text = (cell) => cell.textContent.trim();
  const label = (name) => (name && !name.endsWith("?") ? `${name}:` : name);

  for (const table of document.querySelectorAll("article table")) {
    const [names, ...rows] = [...table.rows].map((row) => [...row.cells]);
    if (table.closest(elsewhere) || !table.tHead || !rows.length) continue;
    const widths = names.map((name, i) => Math.max(...rows.map((row) => text(row[i]).length)));
    if (widths.reduce((a, b) => a + b) <= MOST) continue;
    for (const row of rows) row.forEach((cell, i) => (cell.dataset.column = label(text(names[i]))));
    // Whatever else a style sheet makes of them, they stay a table for who hears the page.
    for (const [tag, role] of Object.entries(roles))
      for (const part of [table, ...table.querySelectorAll(tag)])
        if (part.localName === tag) part.setAttribute("role", role);
    table.classList.add("stacks");
  }
});
