// The operations: grouped, filtered, changed in place.

import { MODES, fill, find, make, milliseconds, modeChip, number, operation, percent, plural, say, stacked, steps } from "./dom.js";

const rows = new Map();
const groups = new Map();
const closed = new Set(JSON.parse(sessionStorage.getItem("closed") ?? "[]"));
const controls = Object.fromEntries(["text", "mode", "verdict", "grouped"].map((id) => [id, find(id)]));
let shownOrder = "";

export const needsAttention = (one) => one.held || (one.evidence && one.evidence.verdict !== "ok");
const failed = (side) => (side.requests + side.asked ? (side.errors + side.asked_errors) / (side.requests + side.asked) : null);

function groupOf(one, by) {
  if (by === "path") return one.operation.split(" ")[1].split("/").filter(Boolean)[0] ?? "/";
  if (by === "group") return one.group ?? "no group";
  if (by === "mode") return one.mode;
  return "";
}

function passes(one) {
  const verdict = controls.verdict.value;
  const text = controls.text.value.trim().toLowerCase();
  const hay = `${one.operation} ${one.name} ${one.group ?? ""} ${one.changed_by ?? ""} ${one.why ?? ""}`.toLowerCase();
  return (!controls.mode.value || one.mode === controls.mode.value)
    && (!text || text.split(/\s+/).every((word) => hay.includes(word)))
    && (!verdict || (verdict === "attention" ? needsAttention(one) : verdict === "held" ? one.held
      : verdict === "traffic" ? one.traffic.legacy + one.traffic.ported > 0 : verdict === "missing" ? !one.ported
      : one.evidence?.verdict === verdict));
}

function makeRow(one, view) {
  const cells = Object.fromEntries(["mode", "traffic", "failed", "differ", "median", "verdict"].map((name) => [name, make("td")]));
  for (const name of ["traffic", "failed", "median"]) cells[name].className = "num wide-only";
  cells.differ.className = "num";
  const requests = make("span"), share = make("span", { class: "stack mini" });
  cells.traffic.append(requests, share);
  const open = make("button", { class: "text", onclick: () => view.open(one.operation) }, operation(one.operation));
  return { ...cells, requests, share, open, row: make("tr", { class: "op" }, make("td", {}, open), ...Object.values(cells)) };
}

function update(row, one, ramp) {
  fill(row.mode, [one.mode, one.share, ramp?.step, ramp?.state], () => [modeChip(one.mode, one.share), ramp && (ramp.state === "running" || ramp.state === "paused") && steps(ramp)]);
  const { legacy, ported } = one.traffic;
  say(row.requests, legacy + ported ? `${number(ported)} / ${number(legacy)}` : "–");
  row.share.hidden = !(legacy + ported);
  stacked(row.share, [["ported", ported], ["legacy", legacy]]);
  const side = one.evidence?.ported;
  const findings = Object.fromEntries((one.evidence?.findings ?? []).map((each) => [each.check, each]));
  tell(row.failed, side && failed(side) !== null ? percent(failed(side), 2) : "", findings.errors);
  tell(row.differ, side && (side.compared || side.dropped) ? `${number(side.different)} of ${number(side.compared)}` : "", findings.differences);
  tell(row.median, side ? `${milliseconds(side.median_ms)} / ${milliseconds(one.evidence.legacy.median_ms)}` : "", findings.latency);
  fill(row.verdict, [one.held, one.ported, one.evidence?.verdict], () => [
    one.held && make("span", { class: "chip held" }, "rolled back"),
    !one.held && one.evidence && make("span", { class: `chip ${one.evidence.verdict}` }, one.evidence.verdict),
    !one.ported && make("span", { class: "chip dim" }, "not implemented")]);
  row.verdict.title = one.evidence?.reason ?? "";
}

function tell(cell, text, finding) {
  say(cell, text);
  cell.title = finding?.text ?? "";
  cell.classList.toggle("bad-text", finding?.verdict === "breach");
  cell.classList.toggle("mild-text", finding?.verdict === "inconclusive");
}

function isOpen(name, open) {
  if (open) closed.delete(name); else closed.add(name);
  sessionStorage.setItem("closed", JSON.stringify([...closed]));
  groups.get(name).button.setAttribute("aria-expanded", String(open));
}

/** Closes all groups, or opens them when all are closed. */
function foldAll() {
  const all = [...groups.keys()];
  const open = all.every((name) => closed.has(name));
  for (const name of all) isOpen(name, open);
  drawTable.again();
}

function makeGroup(name) {
  const small = make("small"), bar = make("span", { class: "stack" });
  const button = make("button", { type: "button", "aria-expanded": String(!closed.has(name)) },
    make("span", { class: "arrow", "aria-hidden": "true" }, "▾"), make("span", {}, name), bar, small);
  button.addEventListener("click", () => {
    isOpen(name, closed.has(name));
    drawTable.again();
  });
  return { small, bar, button, head: make("tr", { class: "group" }, make("th", { colspan: "7", scope: "rowgroup" }, button)), body: make("tbody") };
}

export function drawTable(overview, view) {
  drawTable.again = () => drawTable(overview, view);
  const ramps = Object.fromEntries(overview.ramps.map((one) => [one.name, one]));
  const by = controls.grouped.value;
  const chosen = overview.operations.filter(passes);
  const found = new Map();
  for (const one of chosen) {
    const name = groupOf(one, by);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(one);
  }
  const names = [...found.keys()].sort(by === "mode" ? (a, b) => MODES.indexOf(a) - MODES.indexOf(b) : undefined);
  const filtered = controls.text.value.trim() !== "" || controls.verdict.value !== "";
  const order = JSON.stringify([by, names.map((name) => [name, !filtered && closed.has(name), found.get(name).map((one) => one.operation)])]);
  const table = find("table");
  for (const one of overview.operations) {
    if (!rows.has(one.operation)) rows.set(one.operation, makeRow(one, view));
    update(rows.get(one.operation), one, ramps[one.group ?? one.operation]);
  }
  for (const name of names) {
    if (!groups.has(name)) groups.set(name, makeGroup(name));
    const group = groups.get(name), members = found.get(name);
    const moved = members.filter((one) => one.mode === "ported" || one.mode === "mirror").length;
    const looked = members.filter(needsAttention).length;
    say(group.small, `${plural(members.length, "operation")}, ${moved} on the port${looked ? `, ${looked} need${looked === 1 ? "s" : ""} attention` : ""}`);
    stacked(group.bar, MODES.map((mode) => [mode, members.filter((one) => one.mode === mode).length]));
  }
  if (order !== shownOrder) {
    shownOrder = order;
    const focused = document.activeElement;
    for (const body of table.querySelectorAll("tbody")) body.remove();
    for (const name of names) {
      const group = groups.get(name);
      const open = filtered || !closed.has(name);
      group.body.replaceChildren(...(by ? [group.head] : []), ...(open ? found.get(name).map((one) => rows.get(one.operation).row) : []));
      table.append(group.body);
    }
    if (!names.length) table.append(make("tbody", {}, make("tr", {}, make("td", { colspan: "7", class: "nothing" }, "No operation is like that."))));
    if (focused?.isConnected) focused.focus();
  }
  find("fold").hidden = !by || filtered;
  say(find("fold"), names.every((name) => closed.has(name)) ? "Open all groups" : "Close all groups");
  say(find("count"), chosen.length === overview.operations.length ? `${chosen.length}` : `${chosen.length} of ${overview.operations.length}`);
}
drawTable.again = () => {};

export function startTable(view) {
  controls.mode.append(...MODES.map((mode) => make("option", { value: mode }, mode)));
  find("fold").addEventListener("click", foldAll);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", () => { view.mode = controls.mode.value; view.redraw(); });
  find("table").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons = [...find("table").querySelectorAll("tbody button")];
    const at = buttons.indexOf(event.target);
    const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at >= 0 && next) { next.focus(); event.preventDefault(); }
  });
  controls.text.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { find("table").querySelector("tr.op button")?.focus(); event.preventDefault(); }
    if (event.key === "Escape") { controls.text.value = ""; view.redraw(); }
  });
}

export function chooseMode(mode) {
  controls.mode.value = controls.mode.value === mode ? "" : mode;
  return controls.mode.value;
}
