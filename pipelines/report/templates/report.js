// Sorts and filters tables; without it every row stands in the order of the run.
(() => {
  "use strict";
  const make = (tag, className, text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };
  const words = (node) => (node ? node.textContent.replace(/\s+/g, " ").trim() : "");
  const shown = (cell) => words(cell && (cell.querySelector(".value") || cell));
  const number = (text) => {
    const found = text.replace(/,/g, "").replace(/−/g, "-").match(/[-+]?\d+(\.\d+)?/);
    return found ? Number(found[0]) : NaN;
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const MANY = 10; // rows from which a filter is worth its place
  let made = 0;

  class Table {
    constructor(table) {
      this.table = table;
      this.name = words(table.caption) || "table";
      this.bodies = [...table.tBodies].map((body) => ({ body, rows: [...body.rows] }));
      this.groups = [];
      for (const { rows } of this.bodies) {
        for (const row of rows) {
          if (row.classList.contains("kind")) continue;
          if (row.classList.contains("evidence")) this.groups.at(-1).push(row);
          else this.groups.push([row]);
        }
      }
      this.heads = [...table.tHead.rows[0].cells];
      this.column = -1;
      this.turn = 0;
      this.status = make("span", "status");
      this.status.setAttribute("role", "status");
      this.addTools();
      this.heads.forEach((head, column) => this.addButton(head, column));
    }

    addTools() {
      const tools = make("div", "tools");
      const field = make("label", "", "Filter rows ");
      this.query = make("input");
      this.query.type = "search";
      this.query.setAttribute("aria-label", `Filter rows: ${this.name}`);
      this.query.addEventListener("input", () => this.filter());
      field.append(this.query);
      if (this.groups.length >= MANY || this.table.matches(".concepts")) tools.append(field);
      this.choices = this.heads.flatMap((head, column) => {
        if (!("choose" in head.dataset)) return [];
        const label = make("label", "", `${words(head)} `);
        const select = make("select");
        const values = new Set(this.groups.map(([row]) => shown(row.cells[column])));
        select.append(new Option("all", ""), ...[...values].map((value) => new Option(value, value)));
        select.addEventListener("change", () => this.filter());
        label.append(select);
        tools.append(label);
        return [{ column, select }];
      });
      const order = make("label", "order", "Sort by ");
      this.order = make("select");
      this.order.append(new Option("order of the run", "-1"));
      this.order.addEventListener("change", () => this.sort(Number(this.order.value), 1));
      order.append(this.order);
      tools.append(order, this.status);
      const holder = this.table.closest(".scroll") || this.table;
      holder.before(tools);
    }

    addButton(head, column) {
      if (head.classList.contains("plot") || !words(head)) return;
      this.order.append(new Option(words(head), String(column)));
      const button = make("button", "sort");
      button.type = "button";
      button.append(...head.childNodes);
      const arrow = make("span", "arrow");
      arrow.setAttribute("aria-hidden", "true");
      button.append(arrow);
      head.append(button);
      button.addEventListener("click", () => {
        const turn = this.column === column ? (this.turn + 1) % 3 : 1;
        this.sort(turn ? column : -1, turn);
      });
    }

    // First turn: numbers from the highest, words from A; second turn the other way; third: as it was.
    sort(column, turn) {
      this.column = column;
      this.turn = column < 0 ? 0 : turn;
      this.heads.forEach((head) => head.removeAttribute("aria-sort"));
      this.order.value = String(column);
      this.table.classList.toggle("sorted", column >= 0);
      if (column < 0) {
        for (const { body, rows } of this.bodies) body.append(...rows);
        this.say("as in the run");
        return;
      }
      const numeric = this.heads[column].classList.contains("number");
      const down = numeric === (turn === 1);
      const keyed = this.groups.map((rows) => {
        const text = shown(rows[0].cells[column]);
        return { rows, text, value: numeric ? number(text) : 0, empty: numeric ? isNaN(number(text)) : !text };
      });
      const compare = (a, b) => (numeric ? a.value - b.value : collator.compare(a.text, b.text));
      keyed.sort((a, b) => a.empty - b.empty || (a.empty ? 0 : (down ? -1 : 1) * compare(a, b)));
      this.bodies[0].body.append(...keyed.flatMap(({ rows }) => rows));
      this.heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
      this.say(`sorted by ${words(this.heads[column])}, ${down ? "descending" : "ascending"}`);
    }

    filter() {
      const wanted = this.query.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const rows of this.groups) {
        const text = rows.map(words).join(" ").toLowerCase();
        const fits = wanted.every((word) => text.includes(word)) && this.choices.every(
          ({ column, select }) => !select.value || shown(rows[0].cells[column]) === select.value);
        rows.forEach((row) => { row.hidden = !fits; });
        left += fits;
      }
      for (const { rows } of this.bodies) {
        const [first, ...others] = rows;
        if (first && first.classList.contains("kind")) first.hidden = others.every((row) => row.hidden);
      }
      this.say("");
      this.status.textContent = `${left} of ${this.groups.length} rows`;
    }

    say(text) { this.status.textContent = text; }
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tHead && table.rows.length > 3) { new Table(table); made += 1; }
  }
  document.documentElement.classList.toggle("interactive", made > 0);
  const unfold = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
