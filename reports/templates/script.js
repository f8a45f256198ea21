(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      const selection = getSelection();
      selection.selectAllChildren(code);
      let copied = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        copied = true;
      } catch {
        copied = document.execCommand("copy");
      }
      button.textContent = copied ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  for (const filter of all(".filter")) {
    const search = filter.querySelector("[data-filter]");
    const boxes = all("[data-severity]", filter);
    const count = filter.querySelector(".count");
    const entries = all(":scope > [data-severity]", document.getElementById(search.dataset.filter));
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = new Set(boxes.filter((b) => b.checked).map((b) => b.dataset.severity));
      let visible = 0;
      for (const entry of entries) {
        const text = entry.textContent.toLowerCase();
        entry.hidden = !shown.has(entry.dataset.severity) || !words.every((w) => text.includes(w));
        visible += entry.hidden ? 0 : 1;
      }
      count.textContent = visible === entries.length ? "" : `${visible} of ${entries.length} shown`;
    };
    filter.hidden = false;
    filter.addEventListener("input", apply);
  }

  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    all("th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isText = head.dataset.kind === "text";
        const first = isText ? "ascending" : "descending";
        const second = isText ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? second : first;
        const sign = order === "ascending" ? 1 : -1;
        const value = (row) => row.cells[column].dataset.value;
        const compare = isText
          ? (a, b) => value(a).localeCompare(value(b))
          : (a, b) => Number(value(a)) - Number(value(b));
        all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
      });
    });
  }

  // On paper nothing can be opened: show what explains, leave plans and the table's texts folded.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details.finding:not([open]), .card > details:not([open])");
    opened.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
})();
