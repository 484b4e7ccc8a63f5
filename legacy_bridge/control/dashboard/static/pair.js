// Both replies of a pair side by side, line by line.

import { make, moment } from "./dom.js";

const CONTEXT = 3, FOLD = 9, MOST = 700;

/** JSON with the keys of objects in one order: neither stack's order means anything. */
function json(value) {
  const sorted = (_, one) => (one && typeof one === "object" && !Array.isArray(one)
    ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one);
  return JSON.stringify(value, sorted, 2);
}

function lines(side) {
  if (!side) return ["no reply"];
  const told = [`status: ${side.status || "none, it failed"}`];
  for (const [name, value] of Object.entries(side.headers ?? {})) told.push(`${name}: ${value}`);
  const body = typeof side.body === "string" ? side.body : json(side.body);
  if (side.body !== null && side.body !== undefined) told.push("", ...body.split("\n"));
  for (const row of side.rows ?? []) told.push("", `row ${row.change}: ${row.table} ${JSON.stringify(row.key)}`, ...json(row.columns).split("\n"));
  for (const mail of side.mails ?? []) told.push("", `mail to ${[].concat(mail.to).join(", ")}, ${mail.bytes} bytes`);
  if (side.effects && Object.keys(side.effects).length) told.push("", "outside:", ...json(side.effects).split("\n"));
  return told.slice(0, MOST);
}

/** Pairs of lines, the longest common ones beside each other. */
export function align(left, right) {
  const width = right.length + 1;
  const longest = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      longest[i * width + j] = left[i] === right[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const rows = [];
  let i = 0, j = 0, gone = [], come = [];
  const flush = () => {
    for (let k = 0; k < Math.max(gone.length, come.length); k++) rows.push([gone[k] ?? "", come[k] ?? "", false]);
    gone = []; come = [];
  };
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) { flush(); rows.push([left[i++], right[j++], true]); }
    else if (j >= right.length || (i < left.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) gone.push(left[i++]);
    else come.push(right[j++]);
  }
  flush();
  return rows;
}

function table(example) {
  const rows = align(lines(example.legacy), lines(example.ported));
  const body = make("tbody");
  const near = rows.map((_, at) => rows.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(([, , same]) => !same));
  const draw = ([legacy, ported, same]) => make("tr", { class: same ? "" : "off" }, make("td", {}, legacy), make("td", {}, ported));
  for (let at = 0; at < rows.length;) {
    let end = at;
    while (end < rows.length && !near[end]) end++;
    if (end - at >= FOLD) {
      const hidden = rows.slice(at, end);
      const fold = make("tr", { class: "fold" }, make("td", { colspan: "2" },
        make("button", { type: "button", class: "text", onclick: () => fold.replaceWith(...hidden.map(draw)) }, `${hidden.length} equal lines`)));
      body.append(fold);
      at = end;
    } else {
      body.append(...rows.slice(at, Math.max(end, at + 1)).map(draw));
      at = Math.max(end, at + 1);
    }
  }
  return make("table", { class: "side" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "legacy"), make("th", { scope: "col" }, "ported"))), body);
}

const text = (value) => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

function places(example) {
  return make("table", { class: "places" },
    make("thead", {}, make("tr", {}, ["Place", "Legacy", "Ported", ""].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, (example.differences ?? []).map((one) => make("tr", {},
      make("td", { class: "code" }, one.place), make("td", { class: "code" }, text(one.legacy)), make("td", { class: "code" }, text(one.ported)),
      make("td", { class: "dim" }, one.why ?? "")))));
}

function facts(example) {
  const request = example.request ?? {};
  const told = [
    ["request", `${request.method ?? example.method ?? ""} ${request.target ?? example.path ?? ""}`],
    ["request id", example.request_id], ["mode", example.mode], ["answered by", example.answered_by],
    ["status", example.status], ["error", example.error],
    ["sent", request.body === null || request.body === undefined ? undefined : text(request.body)],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
  return make("dl", { class: "facts" }, told.flatMap(([name, value]) => [make("dt", {}, name), make("dd", { class: "code" }, String(value))]));
}

function title(kind, example, at) {
  const request = example.request ?? {};
  const what = kind === "difference"
    ? (example.differences ?? []).slice(0, 3).map((one) => one.place).join(", ") + (example.differences?.length > 3 ? " …" : "")
    : example.error ?? `status ${example.status}`;
  return [make("span", { class: "dim" }, `${moment(at)} `),
    make("span", { class: "code" }, `${request.method ?? example.method ?? ""} ${request.target ?? example.path ?? ""}`),
    make("span", { class: "bad-text" }, ` ${kind === "difference" ? "differs at" : "failed:"} ${what}`)];
}

/** One example, closed; what is inside is made when it is opened. */
export function drawExample({ kind, at, content }, open = false) {
  const one = make("details", { class: "pair" }, make("summary", {}, title(kind, content, at)));
  const show = () => {
    if (one.children.length > 1) return;
    if (content.cut) { one.append(make("pre", {}, content.cut)); return; }
    one.append(facts(content));
    if (content.differences) one.append(make("div", { class: "scroll" }, places(content)));
    if (content.legacy || content.ported) one.append(table(content));
    if (content.more_differences) one.append(make("p", { class: "dim" }, `${content.more_differences} more differences`));
  };
  one.addEventListener("toggle", show);
  if (open) { one.open = true; show(); }
  return one;
}
