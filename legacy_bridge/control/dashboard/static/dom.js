// Elements and words. Texts only ever become text nodes: what a stack replied can't run here.

export const find = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Changes a text only when it is another one: a screen reader would say it again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts the children in place of what is there, unless nothing has changed. */
export function fill(element, key, children) {
  const version = JSON.stringify(key);
  if (element.dataset.version === version) return;
  element.dataset.version = version;
  element.replaceChildren(...children().flat().filter(Boolean));
}

export const MODES = ["legacy", "shadow", "canary", "mirror", "ported"];

const count = new Intl.NumberFormat("en");
export const number = (value) => (value === null || value === undefined ? "–" : count.format(value));
export const percent = (share, digits = 1) => (share === null || share === undefined || Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits).replace(/\.0+$/, "")}%`);
export const milliseconds = (value) => (value === null || value === undefined ? "–" : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(0) : value.toFixed(1));
export const plural = (many, one, more = `${one}s`) => `${number(many)} ${many === 1 ? one : more}`;

/** "14:02:11", with the day when it is another one. */
export function moment(value) {
  if (!value) return "";
  const at = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("en-CA")} ${time}`;
}

export function operation(name) {
  const [verb, ...rule] = name.split(" ");
  if (!rule.length) return [make("span", { class: "code" }, name)];
  // Long ones break at slashes.
  const parts = rule.join(" ").split("/");
  return [make("span", { class: "verb code" }, verb), " ", make("span", { class: "code" }, parts.flatMap((part, at) => (at ? ["/", make("wbr"), part] : [part])))];
}

export function modeChip(mode, share) {
  const text = mode === "canary" ? `canary ${share}%` : mode;
  return make("span", { class: `chip mode is-${mode}` }, text);
}

export function stacked(element, parts, what) {
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  while (element.children.length < parts.length) element.append(make("i"));
  parts.forEach(([name, value], index) => {
    const piece = element.children[index];
    piece.className = `is-${name}`;
    piece.style.flexGrow = String(value);
    piece.title = `${name}: ${number(value)}`;
  });
  if (element.getAttribute("role") === "img") {
    element.setAttribute("aria-label", total ? `${what}: ${parts.filter(([, value]) => value).map(([name, value]) => `${name} ${number(value)}`).join(", ")}` : `${what}: nothing yet`);
  }
}

export function steps(ramp) {
  const live = ramp.state === "running" || ramp.state === "paused";
  return make("span", { class: `steps ${ramp.state}`, title: `step ${ramp.step} of ${ramp.steps.length}: ${ramp.mode}` },
    ramp.steps.map((_, index) => make("i", { class: index + 1 < ramp.step || ramp.state === "done" ? "done" : index + 1 === ramp.step && live ? "now" : "" })));
}
