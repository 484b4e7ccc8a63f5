// The page: logs in, follows what the bridge says, draws it.

import { fill, find, make, moment, operation, say } from "./dom.js";
import { ask, follow } from "./api.js";
import { act, confirmed, showMessage } from "./messages.js";
import { drawProgress, kill } from "./progress.js";
import { chooseMode, drawTable, startTable } from "./table.js";
import { openDetail, updateDetail } from "./detail.js";

let overview = null, feed = null, historyOf = null, historyAsked = 0;

const view = {
  mode: "",
  open: (name) => openDetail(name, overview),
  choose(mode) { view.mode = chooseMode(mode); view.redraw(); find("operations").scrollIntoView({ block: "start" }); },
  redraw() { if (overview) { drawProgress(overview, view); drawTable(overview, view); } },
};

// ---- who is there ------------------------------------------------------------------------------

function showLogIn(ways, text = "") {
  feed?.stop();
  overview = null;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  find("board").hidden = find("who").hidden = find("kill").hidden = true;
  find("log-in").hidden = false;
  find("by-user").hidden = !ways.includes("user");
  find("by-token").hidden = !ways.includes("token");
  say(find("log-in-error"), ways.length ? text : "The control API is closed: start the bridge with CUTOVER_TOKEN set to open it.");
  link("", null);
  document.querySelector("#log-in form:not([hidden]) input")?.focus();
}

function showBoard(name) {
  // A browser takes the focus out of what is hidden a little later: the next key would still go there.
  document.activeElement?.blur();
  find("log-in").hidden = true;
  find("board").hidden = find("who").hidden = find("kill").hidden = false;
  say(find("name"), name ?? "");
  for (const form of document.querySelectorAll("#log-in form")) form.reset();
  feed = follow({ news, link, over: () => start("The session is over: log in again.") });
}

for (const id of ["by-user", "by-token"]) {
  find(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    say(find("log-in-error"), "");
    try {
      const session = await ask("session", "POST", Object.fromEntries(new FormData(event.target)));
      showBoard(session.name);
    } catch (error) {
      say(find("log-in-error"), error.message);
    }
  });
}

find("log-out").addEventListener("click", async () => {
  await ask("session", "DELETE").catch(() => {});
  start("");
});

async function start(text = "") {
  try {
    const session = await ask("session");
    if (session.name) showBoard(session.name);
    else showLogIn(session.ways, text);
  } catch (error) {
    link("lost", null, error.message);
    setTimeout(() => start(text), 3000);
  }
}

// ---- what is new -------------------------------------------------------------------------------

function link(how, at, text = "") {
  const element = find("link");
  element.className = `link ${how}`;
  element.hidden = !how;
  say(element, how === "live" ? "live" : how === "polling" ? "asking every 3 s" : how === "lost" ? `not connected${at ? `, as of ${moment(at / 1000)}` : ""}: ${text}` : "");
}

function news(told) {
  overview = told;
  view.redraw();
  updateDetail(overview);
  if (historyOf !== overview.revision) { historyOf = overview.revision; drawHistory(); }
}

async function drawHistory() {
  const body = find("history").tBodies[0];
  const asked = ++historyAsked;
  try {
    const kind = find("history-kind").value;
    const { history } = await ask("history?limit=200");
    // Of two under way the older reply may come last.
    if (asked !== historyAsked) return;
    const chosen = history.filter((one) => !kind || (one.changed_by === "the bridge") === (kind === "bridge")).slice(0, 60);
    fill(body, chosen, () => (chosen.length ? chosen : [null]).map((one) => (one === null
      ? make("tr", {}, make("td", { colspan: "5", class: "nothing" }, "Nothing was changed yet."))
      : make("tr", {}, make("td", { class: "dim" }, moment(one.changed_at)), make("td", {}, one.changed_by), make("td", {}, one.kind === "mode" ? null : make("span", { class: "chip" }, one.kind), " ", operation(one.operation)),
        make("td", {}, one.kind === "mode" ? `${one.from} → ${one.to}` : `${one.from || "none"} → ${one.to || "none"}`), make("td", { class: "dim wide-only" }, one.why)))));
  } catch (error) {
    if (!body.children.length) body.append(make("tr", {}, make("td", { colspan: "5", class: "nothing" }, `Not known now: ${error.message}`)));
    historyOf = null;
  }
}

// ---- what one can do ---------------------------------------------------------------------------

find("kill").addEventListener("click", () => overview && kill(overview));
find("history-kind").addEventListener("input", drawHistory);
find("several").addEventListener("click", async () => {
  const pattern = make("input", { name: "pattern", required: true, value: "", placeholder: "GET /case/*, a group, or all-ported" });
  const mode = make("input", { name: "mode", required: true, placeholder: "shadow, canary 5%, ported …" });
  const why = await confirmed({ title: "Move several operations", text: ["All that the pattern means get the mode, or none."], yes: "Move them",
    fields: [make("label", {}, "Operations", pattern), make("label", {}, "Mode", mode)] });
  if (why !== null) await act(() => ask("mode", "PUT", { operation: pattern.value, mode: mode.value, why }));
});

const THEMES = ["", "dark", "light"];
function useTheme(name) {
  if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
  say(find("theme"), `Theme: ${name || "system"}`);
}
useTheme(localStorage.getItem("theme") ?? "");
find("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "") + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  useTheme(next);
});

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !document.querySelector("dialog[open]") && !find("board").hidden) { find("text").focus(); event.preventDefault(); }
});

window.addEventListener("unhandledrejection", (event) => showMessage(String(event.reason?.message ?? event.reason), true));
startTable(view);
start();
