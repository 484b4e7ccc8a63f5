// How far the migration is, and what needs somebody.

import { MODES, fill, find, make, moment, number, operation, percent, plural, say, stacked, steps } from "./dom.js";
import { ask } from "./api.js";
import { act, confirmed } from "./messages.js";

const tiles = new Map();

function tile(name, value, small) {
  if (!tiles.has(name)) {
    const parts = { value: document.createTextNode(""), small: make("small") };
    tiles.set(name, parts);
    find("tiles").append(make("div", {}, make("dt", {}, name), make("dd", {}, parts.value, parts.small)));
  }
  const parts = tiles.get(name);
  if (parts.value.data !== value) parts.value.data = value;
  say(parts.small, small);
}

export function drawProgress(overview, view) {
  const all = overview.operations;
  const moved = all.filter((one) => one.mode === "ported" || one.mode === "mirror").length;
  const written = all.filter((one) => one.ported).length;
  tile("Answered by the port", `${moved} of ${all.length}`, `operations; ${number(written)} are implemented`);
  const { traffic } = overview;
  tile("Traffic on the port", percent(traffic.ported_share), `of ${plural(traffic.ported + traffic.legacy, "request")} in the last hour`);
  const judged = all.filter((one) => one.evidence);
  const bad = judged.filter((one) => one.evidence.verdict === "breach").length;
  const unsure = judged.filter((one) => one.evidence.verdict === "inconclusive").length;
  tile("On trial", number(judged.length), judged.length ? `${judged.length - bad - unsure} ok, ${unsure} inconclusive, ${bad} in breach` : "no operation asks the port");
  const running = overview.ramps.filter((one) => one.state === "running").length;
  const paused = overview.ramps.filter((one) => one.state === "paused").length;
  tile("Ramps", number(running), paused ? `running, ${paused} paused` : "running");
  tile("Rolled back", number(Object.keys(overview.holds).length), "waiting for somebody");

  const counts = MODES.map((mode) => [mode, all.filter((one) => one.mode === mode).length]);
  stacked(find("mode-bar"), counts, "Operations by mode");
  fill(find("mode-keys"), [counts, view.mode], () => counts.map(([mode, many]) =>
    make("button", { type: "button", class: `is-${mode}`, "aria-pressed": String(view.mode === mode), onclick: () => view.choose(mode), title: `show only ${mode}` },
      make("span", { class: "dot" }), `${mode} ${many}`)));
  const stacks = [["legacy", traffic.legacy], ["ported", traffic.ported]];
  stacked(find("traffic-bar"), stacks, "Requests by stack");
  fill(find("traffic-keys"), stacks, () => stacks.map(([stack, many]) =>
    make("span", { class: `is-${stack}` }, make("span", { class: "dot" }), `${stack} ${number(many)}`)));
  drawBanners(overview);
  drawHeld(overview, view);
  drawRamps(overview, view);
}

function drawBanners({ killed, trouble, modes, with_legacy: withLegacy, ignored }) {
  fill(find("banners"), [killed, trouble, modes, withLegacy, ignored], () => [
    killed && make("div", { class: "banner bad", role: "alert" },
      make("p", {}, make("strong", {}, "The kill switch is on: "), `the legacy answers everything since ${moment(killed.at)}, by ${killed.by}${killed.why ? `: ${killed.why}` : ""}.`),
      make("button", { onclick: lift }, "Lift it…")),
    trouble && make("div", { class: "banner mild", role: "alert" }, make("p", {},
      make("strong", {}, modes === "last known" ? "The database is away; these are the last known modes. " : "Evidence is not judged now. "),
      modes === "last known" ? "Requests are answered by them; nothing can be changed, and nothing is rolled back. " : "",
      make("span", { class: "dim" }, trouble))),
    !withLegacy && make("div", { class: "banner mild" }, make("p", {}, "There is no legacy any more: the port answers everything, modes have no effect.")),
    ignored.length > 0 && make("div", { class: "banner mild" }, make("p", {}, `Without effect: ${ignored.join("; ")}`)),
  ]);
}

async function lift() {
  const why = await confirmed({ title: "Lift the kill switch?", text: ["The stored modes are in force again within two seconds."], yes: "Lift it" });
  if (why !== null) await act(() => ask("unkill", "POST", { why }));
}

export async function kill(overview) {
  const moved = overview.operations.filter((one) => one.mode !== "legacy").length;
  const why = await confirmed({
    title: "Give everything to the legacy?", danger: true, yes: "Yes, all to the legacy",
    text: [`${plural(moved, "operation")} ${moved === 1 ? "has" : "have"} the port in use now. Within two seconds the legacy answers every request, on every replica.`,
      "The stored modes and ramps stay as they are; lifting the switch puts them in force again."],
  });
  if (why !== null) await act(() => ask("kill", "POST", { why }));
}

function drawHeld({ holds }, view) {
  const names = Object.keys(holds);
  find("waiting").hidden = names.length === 0;
  fill(find("held"), holds, () => names.map((name) => make("li", { class: "bad" },
    make("button", { class: "text", onclick: () => view.open(name) }, operation(name)),
    make("span", { class: "says" }, make("span", { class: "dim" }, `${moment(holds[name].at)} by ${holds[name].by}: `), holds[name].why || "no reason given"),
    make("div", { class: "buttons" },
      make("button", { onclick: () => view.open(name) }, "Why?"),
      make("button", { onclick: () => acknowledge(name) }, "Acknowledge…")))));
}

export async function acknowledge(name) {
  const why = await confirmed({ title: "Acknowledge the rollback?", text: [`${name} stays with the legacy, and may be moved again.`], yes: "Acknowledge" });
  if (why !== null) await act(() => ask("acknowledge", "POST", { operation: name, why }));
}

const ramps = new Map();

/** Kept and changed in place: a button that has the focus must not go away each second. */
function drawRamps(overview, view) {
  const live = overview.ramps.filter((one) => one.state === "running" || one.state === "paused");
  find("moving").hidden = live.length === 0;
  for (const [name, row] of ramps) if (!live.some((one) => one.name === name)) { row.item.remove(); ramps.delete(name); }
  for (const one of live) {
    if (!ramps.has(one.name)) {
      const row = { says: make("span", { class: "says" }), mode: make("span"), dots: make("span"), toggle: make("button") };
      row.toggle.addEventListener("click", () => act(() => ask(`ramp/${row.state === "paused" ? "resume" : "pause"}`, "POST", { operation: one.name })));
      row.item = make("li", { class: "ramp" }, make("button", { class: "text", onclick: () => view.open(one.name) }, operation(one.name)), row.mode, row.dots, row.says,
        make("div", { class: "buttons" }, row.toggle, make("button", { onclick: () => rollBack(one.name) }, "Roll back…")));
      ramps.set(one.name, row);
      find("ramps").append(row.item);
    }
    const row = ramps.get(one.name);
    row.state = one.state;
    say(row.mode, one.mode);
    say(row.says, one.says);
    say(row.toggle, one.state === "paused" ? "Resume" : "Pause");
    fill(row.dots, [one.step, one.state], () => [steps(one)]);
  }
}

export async function rollBack(name) {
  const why = await confirmed({ title: "Roll back?", danger: true, yes: "Roll back", text: [`${name} goes to the legacy within two seconds and is held there until somebody acknowledges it.`] });
  if (why !== null) await act(() => ask("rollback", "POST", { operation: name, why }));
}
