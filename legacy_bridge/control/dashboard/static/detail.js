// One operation or group: what is known, the controls, what differed. The forms are made once, what is known follows live.

import { MODES, fill, find, make, milliseconds, modeChip, moment, number, operation, percent, plural, say, steps } from "./dom.js";
import { ask } from "./api.js";
import { act } from "./messages.js";
import { drawExample } from "./pair.js";
import { acknowledge, rollBack } from "./progress.js";

let shown = null;
// That it was closed is told a little later, when it may be open again.
find("detail").addEventListener("close", ({ target }) => { if (!target.open) shown = null; });

export function openDetail(name, overview) {
  const members = overview.groups[name] ?? [name];
  const subject = overview.groups[name] ? name : overview.operations.find((one) => one.operation === name)?.group ?? name;
  const dialog = find("detail");
  shown = { name, subject, members, chips: make("span", { class: "buttons" }), live: make("div"), held: make("p", { class: "banner bad" }), buttons: {} };
  const close = make("button", { type: "button", onclick: () => dialog.close(), "aria-label": "Close" }, "Close ✕");
  const later = make("div", {}, make("p", { class: "dim" }, "Reading examples and history…"));
  dialog.replaceChildren(
    make("header", {}, make("h2", { id: "detail-title" }, operation(name)), shown.chips, make("span", { class: "grow" }), close),
    make("div", {}, shown.held, shown.live, controls(overview), later));
  updateDetail(overview);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  readLater(later, members, subject);
}

export function updateDetail(overview) {
  if (!shown) return;
  const found = overview.operations.filter((one) => shown.members.includes(one.operation));
  const ramp = overview.ramps.find((one) => one.name === shown.subject);
  const live = ramp && (ramp.state === "running" || ramp.state === "paused");
  const held = overview.holds[shown.subject];
  const [first] = found;
  if (!first) return;
  fill(shown.chips, [first.mode, first.share, first.group, first.evidence?.verdict, held], () => [
    modeChip(first.mode, first.share), held && make("span", { class: "chip held" }, "rolled back"),
    first.evidence && make("span", { class: `chip ${first.evidence.verdict}` }, first.evidence.verdict),
    first.group && make("span", { class: "chip" }, `group ${first.group}`), !first.ported && make("span", { class: "chip" }, "not implemented")]);
  shown.held.hidden = !held;
  if (held) say(shown.held, `Rolled back ${moment(held.at)} by ${held.by}: ${held.why || "no reason given"}. It stays with the legacy until somebody acknowledges it.`);
  fill(shown.live, [found.map((one) => [one.evidence, one.mode, one.traffic, one.changed_at]), ramp, held], () => [
    ramp && make("p", { class: "says" }, steps(ramp), " ", make("strong", {}, `Ramp ${ramp.state}, step ${ramp.step} of ${ramp.steps.length} (${ramp.mode}): `), ramp.says),
    first.changed_at && !held && make("p", { class: "dim" }, `In this mode since ${moment(first.changed_at)}, by ${first.changed_by}${first.why ? `: ${first.why}` : ""}`),
    ...found.map((one) => evidence(one, found.length > 1))]);
  const { buttons } = shown;
  buttons.pause.hidden = ramp?.state !== "running";
  buttons.resume.hidden = ramp?.state !== "paused";
  buttons.abort.hidden = !live;
  buttons.start.hidden = Boolean(live);
  buttons.acknowledge.hidden = buttons.again.hidden = !held;
  buttons.back.disabled = first.mode === "legacy" && Boolean(held);
}

function evidence(one, several) {
  const head = several ? make("h3", {}, operation(one.operation)) : make("h3", {}, "Evidence and budget");
  if (!one.evidence) {
    const { legacy, ported } = one.traffic;
    return make("section", {}, head, make("p", { class: "dim" },
      one.ported ? `The port is not asked now. In the last hour the legacy answered ${plural(legacy, "request")}, the port ${number(ported)}.` : "The port does not implement it."));
  }
  const { ported, legacy, recent, budget, findings } = one.evidence;
  const check = Object.fromEntries(findings.map((each) => [each.check, each]));
  const rate = (side) => { const all = side.requests + side.asked; return all ? `${number(side.errors + side.asked_errors)} (${percent((side.errors + side.asked_errors) / all, 2)})` : "–"; };
  const line = (name, which, mine, lately, theirs, allowed) => make("tr", {}, make("th", { scope: "row" }, name),
    make("td", { class: "num" }, mine), make("td", { class: "num" }, lately), make("td", { class: "num" }, theirs), make("td", {}, allowed),
    make("td", {}, which && make("span", { class: `chip ${which.verdict}`, title: which.text }, which.verdict)));
  return make("section", {}, head,
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, ["", "Port", `in the last ${budget.window} s`, "Legacy", "Allowed", ""].map((name, at) => make("th", { scope: "col", class: at > 0 && at < 4 ? "num" : null }, name)))),
      make("tbody", {},
        line("Replies", check.samples, number(ported.requests + ported.asked), number(recent.ported.requests + recent.ported.asked), number(legacy.requests + legacy.asked), `at least ${budget.samples}`),
        line("Failed", check.errors, rate(ported), rate(recent.ported), rate(legacy), `${percent(budget.errors, 2)} above the legacy's`),
        line("Pairs that differ", check.differences, `${number(ported.different)} of ${number(ported.compared)}`, `${number(recent.ported.different)} of ${number(recent.ported.compared)}`, "", percent(budget.differences, 2)),
        line("Median", check.latency, `${milliseconds(ported.median_ms)} ms`, `${milliseconds(recent.ported.median_ms)} ms`, `${milliseconds(legacy.median_ms)} ms`, `${budget.latency_ratio} × the legacy's`),
        line("95th percentile", null, `${milliseconds(ported.p95_ms)} ms`, `${milliseconds(recent.ported.p95_ms)} ms`, `${milliseconds(legacy.p95_ms)} ms`, `${budget.latency_ratio_p95} ×, or ${budget.latency_floor_ms} ms`),
        line("Fallbacks", null, number(ported.fallbacks), number(recent.ported.fallbacks), "", ""),
        line("Not compared", null, number(ported.dropped), number(recent.ported.dropped), "", "")))),
    make("p", { class: one.evidence.verdict === "breach" ? "bad-text" : one.evidence.verdict === "inconclusive" ? "mild-text" : "dim" }, `${one.evidence.verdict}: ${one.evidence.reason}`));
}

const field = (label, attributes) => { const input = make("input", attributes); return [make("label", { class: attributes.class }, label, input), input]; };

function controls(overview) {
  const { name, subject, buttons } = shown;
  const one = overview.operations.find((each) => shown.members.includes(each.operation));
  const mode = make("select", { name: "mode" }, MODES.map((each) => make("option", { value: each, selected: each === one.mode }, each)));
  const [shareLabel, share] = field("Share of users, %", { name: "share", type: "number", min: "0", max: "100", step: "0.01", value: one.share || 5 });
  const [whyLabel, why] = field("Why", { name: "why", maxlength: "500", placeholder: "for the history", class: "wide" });
  const again = make("input", { name: "again", type: "checkbox" });
  buttons.again = make("label", { class: "inline" }, again, "Try once more what was rolled back");
  const showShare = () => { shareLabel.hidden = mode.value !== "canary"; };
  mode.addEventListener("input", showShare);
  showShare();
  const set = make("form", { class: "form", onsubmit: (event) => {
    event.preventDefault();
    act(() => ask("mode", "PUT", { operation: name, mode: mode.value === "canary" ? `canary ${share.value}%` : mode.value, why: why.value, again: again.checked }));
  } }, make("label", {}, "Mode", mode), shareLabel, make("button", { class: "main" }, "Set"));
  const [stepsLabel, stepList] = field("Steps", { name: "steps", value: "1,5,25,50,100", class: "wide", required: true, title: "modes and shares in percent" });
  const [samplesLabel, samples] = field("Replies per step", { name: "samples", type: "number", min: "0", value: "50" });
  const [secondsLabel, seconds] = field("Seconds per step", { name: "seconds", type: "number", min: "0", step: "any", value: "60" });
  const post = (path) => () => act(() => ask(path, "POST", { operation: name, why: why.value }));
  buttons.start = make("button", { class: "main" }, "Start ramp");
  buttons.pause = make("button", { type: "button", onclick: post("ramp/pause") }, "Pause");
  buttons.resume = make("button", { type: "button", onclick: post("ramp/resume") }, "Resume");
  buttons.abort = make("button", { type: "button", onclick: post("ramp/abort") }, "End ramp here");
  buttons.back = make("button", { type: "button", class: "danger", onclick: () => rollBack(subject) }, "Roll back…");
  buttons.acknowledge = make("button", { type: "button", onclick: () => acknowledge(subject) }, "Acknowledge…");
  const ramp = make("form", { class: "form", onsubmit: (event) => {
    event.preventDefault();
    act(() => ask("ramp/start", "POST", { operation: name, steps: stepList.value.split(","), samples: Number(samples.value), seconds: Number(seconds.value), why: why.value, again: again.checked }));
  } }, stepsLabel, samplesLabel, secondsLabel, buttons.start, buttons.pause, buttons.resume, buttons.abort);
  const what = subject === name && !overview.groups[name] ? "" : ` The whole group ${subject} moves.`;
  return make("section", { "aria-label": "Controls" },
    make("h3", {}, "Controls"),
    what && make("p", { class: "dim" }, what),
    make("fieldset", {}, make("legend", {}, "Mode"), set),
    make("fieldset", {}, make("legend", {}, "Ramp"), ramp),
    make("div", { class: "form" }, whyLabel, buttons.again, buttons.acknowledge, buttons.back),
    budget(overview, one));
}

function budget(overview, one) {
  const name = shown.subject;
  const inputs = new Map();
  const own = overview.budgets[name] ?? {};
  const known = one.evidence?.budget ?? { errors: 0.01, differences: 0.01, latency_ratio: 2, latency_ratio_p95: 3, latency_floor_ms: 50, samples: 20, compared: 0, fewest: 3, window: 60, long_window: 3600, ...overview.budgets["*"], ...own };
  const form = make("form", { class: "form", onsubmit: (event) => {
    event.preventDefault();
    const limits = {};
    for (const [key, input] of inputs) if (Number(input.value) !== known[key]) limits[key] = Number(input.value);
    if (Object.keys(limits).length) act(() => ask("budget", "PUT", { name, limits })).then((done) => done && Object.assign(known, limits));
  } }, Object.entries(known).map(([key, value]) => {
    const [label, input] = field(key.replaceAll("_", " "), { name: key, type: "number", min: "0", step: "any", value });
    inputs.set(key, input);
    return label;
  }), make("button", {}, "Change budget"));
  return make("details", {}, make("summary", {}, "Budget", make("span", { class: "dim" }, Object.keys(own).length ? " (of its own)" : " (as for all)")), form);
}

async function readLater(place, members, subject) {
  const query = members.length === 1 ? `?operation=${encodeURIComponent(members[0])}&limit=20` : "?limit=60";
  const [examples, breaches, history] = await Promise.all([
    ask(`examples${query}`), ask(`breaches?limit=5&name=${encodeURIComponent(subject)}`), ask("history?limit=500"),
  ].map((one) => one.catch((error) => ({ error: error.message }))));
  const sorry = (told) => told.error && make("p", { class: "mild-text" }, `Not known now: ${told.error}`);
  const mine = (examples.examples ?? []).filter((one) => members.includes(one.operation));
  const changes = (history.history ?? []).filter((one) => members.includes(one.operation) || one.operation === subject).slice(0, 12);
  place.replaceChildren(
    make("section", {}, make("h3", {}, "Differences and failures"), sorry(examples) ?? "",
      mine.length ? mine.map((one, at) => drawExample(one, at === 0)) : make("p", { class: "dim" }, "None is kept.")),
    make("section", { hidden: !breaches.breaches?.length }, make("h3", {}, "Why it was rolled back"),
      (breaches.breaches ?? []).map((one) => make("details", { class: "pair" },
        make("summary", {}, make("span", { class: "dim" }, `${moment(one.at)} from ${one.mode}: `), `${one.operation}: ${one.reason}`),
        (one.examples ?? []).map(({ kind, at, ...content }) => drawExample({ kind, at, content }))))),
    make("section", {}, make("h3", {}, "History"), sorry(history) ?? "",
      make("ul", {}, changes.map((one) => make("li", {}, make("span", { class: "dim" }, `${moment(one.changed_at)} ${one.changed_by}: `),
        `${one.kind === "mode" ? "" : `${one.kind} `}${one.from || "none"} → ${one.to || "none"}`, one.why && make("span", { class: "dim" }, ` (${one.why})`))))));
}
