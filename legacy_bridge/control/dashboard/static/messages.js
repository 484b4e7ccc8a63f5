// What the operator is told and asked.

import { find, make } from "./dom.js";

export function showMessage(text, bad = false) {
  const line = make("p", { class: bad ? "bad" : "", role: bad ? "alert" : null }, text);
  find("told").append(line);
  setTimeout(() => line.remove(), bad ? 12000 : 5000);
}

/** Runs an action and says what came of it. True when it was done. */
export async function act(action, done) {
  try {
    const answer = await action();
    const changed = answer?.changed ?? [];
    showMessage(changed.length
      ? changed.slice(0, 3).map((one) => `${one.kind === "mode" ? "" : `${one.kind} `}${one.operation}: ${one.from || "none"} → ${one.to || "none"}`).join("; ")
        + (changed.length > 3 ? ` and ${changed.length - 3} more` : "")
      : done ?? "nothing to change: it is so already");
    return true;
  } catch (error) {
    showMessage(error.message, true);
    return false;
  }
}

/** A question with a reason to give. Resolves to the reason, or null. `fields` are further labelled inputs.

Each has a dialog of its own: that one was closed is told a little later, when the next may be open already. */
export function confirmed({ title, text, yes, danger = false, fields = [] }) {
  const dialog = make("dialog", { class: "ask", "aria-labelledby": "ask-title" });
  return new Promise((resolve) => {
    const why = make("input", { name: "why", maxlength: "500", placeholder: "for the history" });
    const form = make("form", { method: "dialog" },
      make("h2", { id: "ask-title" }, title),
      text.map((line) => make("p", {}, line)),
      fields,
      make("label", {}, "Why", why),
      make("div", { class: "buttons" },
        make("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"),
        make("button", { value: "yes", class: danger ? "main danger" : "main" }, yes)));
    dialog.append(form);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? why.value : null);
    });
    dialog.showModal();
    (fields.length ? form.querySelector("input") : why).focus();
  });
}
