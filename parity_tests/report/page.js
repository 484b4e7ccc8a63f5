"use strict";
// Draws the data of this file. Texts only ever become text nodes: what a stack replied can't run here.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 100, FOLD = 12, CONTEXT = 3;
  const find = (id) => document.getElementById(id);
  const controls = Object.fromEntries(
    ["text", "verdict", "group", "operation", "status"].map((id) => [id, find(id)]));

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== "") element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  // ---- what there is ---------------------------------------------------------------------------

  const WORDS = { different: "different", waived: "waived", same: "same" };
  const details = new Map();
  for (const one of data.details) {
    if (!details.has(one.pair)) details.set(one.pair, []);
    details.get(one.pair).push(one);
  }
  const groupOf = (label) => data.operations[label]?.group
    ?? (label.split(" ")[1] ?? "").split("/").filter(Boolean)[0] ?? "/";
  const pairs = data.pairs.map((pair) => {
    const found = details.get(pair.id) ?? [];
    const statuses = pair.statuses ?? [pair.replies.legacy.status, pair.replies.ported.status];
    const verdict = found.some((one) => !one.waiver) ? "different" : found.length ? "waived" : "same";
    const haystack = [pair.operation, pair.method, pair.target, pair.journey, pair.user, pair.note, pair.where,
      ...found.flatMap((one) => [one.key, one.place, one.why, one.legacy, one.ported, one.waiver ?? ""])];
    return { ...pair, found, verdict, group: groupOf(pair.operation),
      statuses: statuses.map((status) => String(status ?? "none")), haystack: haystack.join("\n").toLowerCase() };
  });
  const RANK = { different: 0, waived: 1, same: 2 };
  pairs.sort((a, b) => RANK[a.verdict] - RANK[b.verdict] || a.id - b.id);

  // ---- filters -------------------------------------------------------------------------------

  function options(select, values) {
    select.append(...values.map((value) => make("option", { value }, value)));
  }
  const labels = Object.keys(data.operations).concat(data.not_covered);
  options(controls.group, [...new Set(labels.map(groupOf))].sort());
  options(controls.operation, Object.keys(data.operations).sort());
  options(controls.status, [...new Set(pairs.flatMap((pair) => pair.statuses))].sort());

  const wanted = () => Object.fromEntries(Object.entries(controls).map(([id, one]) => [id, one.value.trim()]));
  function passes(pair, want) {
    return (!want.verdict || pair.verdict === want.verdict) && (!want.group || pair.group === want.group)
      && (!want.operation || pair.operation === want.operation)
      && (!want.status || pair.statuses.includes(want.status))
      && want.text.toLowerCase().split(/\s+/).every((word) => pair.haystack.includes(word));
  }
  function remember(want) {
    const hash = new URLSearchParams(Object.entries(want).filter(([, value]) => value)).toString();
    try { history.replaceState(null, "", hash ? `#${hash}` : "#"); } catch { /* a viewer may forbid it */ }
  }
  function recall() {
    for (const [id, value] of new URLSearchParams(location.hash.slice(1)))
      if (id in controls) controls[id].value = value;
  }

  let shown = [], drawn = 0;
  function draw() {
    const want = wanted();
    shown = pairs.filter((pair) => passes(pair, want));
    drawn = 0;
    find("pairs").replaceChildren();
    if (!shown.length) find("pairs").append(make("p", { class: "nothing" },
      pairs.length ? "No pair passes these filters." : "This report holds no pairs."));
    find("count").textContent = `${shown.length} of ${pairs.length} pairs`;
    drawMore();
    drawOperations(want);
    remember(want);
  }
  function drawMore() {
    const next = shown.slice(drawn, drawn + PAGE);
    find("pairs").append(...next.map(drawPair));
    drawn += next.length;
    find("more").hidden = drawn >= shown.length;
    find("more").textContent = `Show ${Math.min(PAGE, shown.length - drawn)} more of ${shown.length - drawn}`;
  }

  // ---- operations ----------------------------------------------------------------------------

  const order = new Intl.Collator("en");
  const sorting = { by: "differences", down: true };
  const entries = labels.map((label) => ({ label, group: groupOf(label), asked: label in data.operations,
    ...(data.operations[label] ?? { exchanges: 0, statuses: {}, differences: 0, waived: 0, class: "operation" }) }));
  function drawOperations(want) {
    const visible = entries.filter((entry) => (!want.group || entry.group === want.group)
      && (want.verdict !== "different" || entry.differences) && (want.verdict !== "waived" || entry.waived)
      && (!want.status || want.status in entry.statuses));
    const { by, down } = sorting;
    const rank = (entry) => ["operation", "implicit", "405", "redirect", "404"].indexOf(entry.class);
    visible.sort((a, b) => (by === "label" ? 0 : a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0) * (down ? -1 : 1)
      || (by === "differences" ? b.waived - a.waived : 0) || rank(a) - rank(b)
      || order.compare(a.label.split(" ")[1], b.label.split(" ")[1]) * (by === "label" && down ? -1 : 1)
      || order.compare(a.label, b.label));
    find("operations").tBodies[0].replaceChildren(...visible.map((entry) => {
      const kind = entry.class === "operation" ? null : ` (${entry.class})`;
      const name = entry.asked
        ? make("button", { class: "code", onclick: () => choose(entry.label) }, entry.label)
        : make("span", { class: "code" }, entry.label);
      return make("tr", { class: entry.label === want.operation ? "chosen" : "" },
        make("td", {}, name, kind),
        make("td", { class: "number" }, String(entry.exchanges)),
        entry.asked ? make("td", {}, ...Object.entries(entry.statuses).map(([status, count]) =>
          make("span", { class: "status" }, `${status}×${count}`))) : make("td", { class: "none" }, "not asked"),
        make("td", { class: `number ${entry.differences ? "open" : ""}` }, String(entry.differences)),
        make("td", { class: `number ${entry.waived ? "waived" : ""}` }, String(entry.waived || "")));
    }));
    for (const button of document.querySelectorAll("[data-sort]")) {
      if (button.dataset.sort === by) button.parentElement.ariaSort = down ? "descending" : "ascending";
      else button.parentElement.removeAttribute("aria-sort");
    }
  }
  function choose(label) {
    controls.operation.value = controls.operation.value === label ? "" : label;
    draw();
    find("pairs-title").scrollIntoView({ block: "nearest" });
  }

  // ---- a pair --------------------------------------------------------------------------------

  function drawPair(pair) {
    const [legacy, ported] = pair.statuses;
    const gist = pair.found.slice(0, 4).map((one) => one.place).join(" · ");
    const element = make("details", { class: `pair ${pair.verdict}`, "data-pair": pair.id },
      make("summary", {},
        make("span", { class: "tag" }, WORDS[pair.verdict]),
        make("span", { class: "label" }, `${pair.method} ${pair.target}`),
        make("span", { class: "code" }, legacy === ported ? legacy : `${legacy} → ${ported}`),
        make("span", { class: "where" }, `${pair.user ? `${pair.user} · ` : ""}${pair.journey} ${pair.step}`),
        gist ? make("span", { class: "gist code" }, gist + (pair.found.length > 4 ? ` · ${pair.found.length - 4} more` : "")) : null));
    element.addEventListener("toggle", () => {
      if (element.open && !element.querySelector(".inside")) {
        element.append(inside(pair));
        // the first place that differs comes into view inside its own box, the page stays where it is
        const box = element.querySelector(".side"), first = box?.querySelector("tr.open, tr.waived");
        if (first) box.scrollTop = Math.max(0, first.offsetTop - 90);
      }
    });
    return element;
  }

  function inside(pair) {
    const parts = [make("h3", {}, "Operation"), make("code", {}, pair.operation),
      make("p", { class: "hint" }, `${pair.where}${pair.note ? ` — ${pair.note}` : ""}`)];
    if (pair.found.length) parts.push(make("h3", {}, "Differences"), places(pair));
    if (!pair.replies) {
      parts.push(make("p", { class: "hint" }, "The replies of this pair are left out to bound this file; the JSON report has them."));
      return make("div", { class: "inside" }, ...parts);
    }
    const copy = make("button", { type: "button", onclick: async () => {
      try { await navigator.clipboard.writeText(pair.curl); copy.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(command); copy.textContent = "Selected"; }
    } }, "Copy");
    const command = make("pre", { class: "curl", tabindex: "0" }, pair.curl);
    parts.push(make("h3", {}, "Request ", copy), command, make("h3", {}, "Replies"), side(pair));
    return make("div", { class: "inside" }, ...parts);
  }

  function places(pair) {
    const head = ["key", "place", "legacy", "ported", "why"].filter(
      (name) => pair.found.some((one) => one[name]));
    const waivers = [...new Set(pair.found.map((one) => one.waiver).filter(Boolean))];
    const table = make("table", { class: "places" },
      make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name === "key" ? "id" : name)))),
      make("tbody", {}, ...pair.found.map((one) => make("tr", { class: one.waiver ? "waived" : "open" },
        ...head.map((name) => make("td", { class: name }, one[name] ?? ""))))));
    return make("div", { class: "wide" }, table, ...waivers.map((text) => make("p", { class: "waiver" }, `Waived: ${text}`)));
  }

  // ---- side by side --------------------------------------------------------------------------

  class Digits { constructor(source) { this.source = source; } }
  // 1.0 and numbers beyond a double's precision stay as they were written, where the browser can tell
  const parse = (text) => JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context && context.source !== String(value) ? new Digits(context.source) : value);
  const escape = (key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1");
  const kind = (value) => Array.isArray(value) ? "[]"
    : value && typeof value === "object" && !(value instanceof Digits) ? "{}" : "";
  const leaf = (value) => value instanceof Digits ? value.source : JSON.stringify(value);

  function lines(pair) {
    const marks = new Map();
    for (const one of pair.found) if (marks.get(one.place) !== "open") marks.set(one.place, one.waiver ? "waived" : "open");
    const out = [];
    const [a, b] = [pair.replies.legacy, pair.replies.ported];
    const part = (title) => out.push({ part: title });
    const put = (place, left, right, inherited) => out.push({ left, right, mark: marks.get(place) ?? inherited ?? "" });

    function walk(left, right, place, depth, name, inherited, to = out) {
      const mark = marks.get(place) ?? inherited ?? "";
      const pad = "  ".repeat(depth), shape = kind(left);
      const push = (l, r, m) => to.push({ left: l, right: r, mark: m });
      if (shape && shape === kind(right)) {
        const keys = shape === "[]" ? [...Array(Math.max(left.length, right.length)).keys()]
          : [...new Set([...Object.keys(left), ...Object.keys(right)])];
        if (!keys.length) return push(pad + name + shape, pad + name + shape, mark);
        push(pad + name + shape[0], pad + name + shape[0], mark);
        for (const key of keys)
          walk(left[key], right[key], `${place}/${escape(key)}`, depth + 1, shape === "[]" ? "" : `${JSON.stringify(key)}: `, mark, to);
        return push(pad + shape[1], pad + shape[1], mark);
      }
      const alone = (value) => {
        if (value === undefined) return [];
        if (!kind(value)) return [pad + name + leaf(value)];
        const own = [];
        walk(value, value, "", depth, name, "", own);
        return own.map((line) => line.left);
      };
      const [l, r] = [alone(left), alone(right)];
      for (let i = 0; i < Math.max(l.length, r.length); i++) push(l[i], r[i], mark);
    }

    part("status");
    put("status", String(a.status ?? a.error), String(b.status ?? b.error));
    part("headers");
    const headers = [a, b].map((reply) => {
      const joined = new Map();
      for (const [name, value] of reply.headers) {
        const key = name.toLowerCase();
        joined.set(key, joined.has(key) ? `${joined.get(key)}, ${value}` : value);
      }
      return joined;
    });
    for (const name of new Set([...headers[0].keys(), ...headers[1].keys()]))
      put(`header/${name}`, ...headers.map((all) => all.has(name) ? `${name}: ${all.get(name)}` : undefined));
    part("body");
    try {
      walk(parse(a.body), parse(b.body), "body", 0, "");
    } catch {
      const [l, r] = [a, b].map((reply) => {
        let text = reply.body;
        try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it is */ }
        return text ? text.split("\n") : [];
      });
      const mark = marks.get("body") ?? "";
      for (let i = 0; i < Math.max(l.length, r.length); i++)
        out.push({ left: l[i], right: r[i], mark: l[i] === r[i] ? "" : mark });
    }
    for (const reply of [a, b]) if (reply.cut) {
      part(`the bodies are longer than this file shows: ${a.body_bytes} and ${b.body_bytes} bytes`);
      break;
    }
    if (a.rows.length || b.rows.length) {
      part("rows");
      const left = [...b.rows];
      const same = (x, y) => x.table === y.table && String(x.key) === String(y.key);
      const take = (index) => index < 0 ? undefined : left.splice(index, 1)[0];
      const title = (row) => row && `${row.change} ${row.table} ${row.key.join(",")}`;
      const couples = a.rows.map((row) => [row, take(left.findIndex((other) => same(row, other)))]);
      for (const couple of couples)
        couple[1] ??= take(left.findIndex((other) => other.table === couple[0].table && other.change === couple[0].change));
      for (const [one, other] of [...couples, ...left.map((row) => [undefined, row])]) {
        const row = one ?? other, place = `rows/${row.table}/${row.key.map(escape).join(",")}`;
        put(place, title(one), title(other));
        const inherited = marks.get(place);
        for (const column of new Set([...Object.keys(one?.columns ?? {}), ...Object.keys(other?.columns ?? {})]))
          walk(one?.columns[column], other?.columns[column], `${place}/${escape(column)}`, 1, `${column}: `, inherited);
      }
    }
    for (const name of new Set([...Object.keys(a.effects), ...Object.keys(b.effects)])) {
      part(name);
      walk(a.effects[name] ?? [], b.effects[name] ?? [], name, 0, "");
    }
    return out;
  }

  function side(pair) {
    const all = lines(pair), body = make("tbody");
    const cell = (text) => text === undefined ? make("td", { class: "void" }, "") : make("td", {}, text);
    const row = (line) => line.part
      ? make("tr", { class: "part" }, make("td", { colspan: "2" }, line.part))
      : make("tr", { class: line.mark, "aria-label": line.mark ? "differs" : null }, cell(line.left), cell(line.right));
    // lines near a difference, and all of a pair without one, are always drawn
    const near = new Set();
    all.forEach((line, n) => {
      if (line.mark || line.part) for (let i = n - CONTEXT; i <= n + CONTEXT; i++) near.add(i);
    });
    const keep = (n) => !pair.found.length || near.has(n);
    for (let n = 0; n < all.length;) {
      let end = n;
      while (end < all.length && !keep(end)) end++;
      if (end - n > FOLD) {
        const hidden = all.slice(n, end);
        const line = make("tr", { class: "folded" }, make("td", { colspan: "2" },
          make("button", { type: "button", onclick: () => line.replaceWith(...hidden.map(row)) },
            `${hidden.length} lines without a difference`)));
        body.append(line);
        n = end;
      } else body.append(row(all[n++]));
    }
    return make("div", { class: "side code", tabindex: "0", role: "region", "aria-label": "both replies side by side" },
      make("table", {}, make("thead", {}, make("tr", {},
        make("th", { scope: "col" }, "legacy"), make("th", { scope: "col" }, "ported"))), body));
  }

  // ---- hands ---------------------------------------------------------------------------------

  let waiting;
  controls.text.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(draw, 120); });
  for (const id of ["verdict", "group", "operation", "status"]) controls[id].addEventListener("change", draw);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("clear").addEventListener("click", () => { find("filters").reset(); draw(); });
  find("more").addEventListener("click", drawMore);
  addEventListener("hashchange", () => { find("filters").reset(); recall(); draw(); });
  for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => {
    const by = button.dataset.sort;
    Object.assign(sorting, { down: sorting.by === by ? !sorting.down : by !== "label", by });
    drawOperations(wanted());
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select")) {
      // leaves the field, and what was typed in it
      if (event.key === "Escape") { event.preventDefault(); event.target.blur(); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); controls.text.focus(); controls.text.select(); }
    if (event.key === "j" || event.key === "k") {
      const all = [...document.querySelectorAll(".pair > summary")];
      const at = all.findIndex((one) => one.parentElement.contains(document.activeElement));
      all[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), all.length - 1)]?.focus();
    }
  });
  if (data.details_left) {
    find("left").hidden = false;
    find("left").textContent = `${data.details_left} more differences are left out to bound this file; the JSON report has them.`;
  }
  recall();
  draw();
})();
