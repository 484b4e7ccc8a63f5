// Talks to the bridge. Who acts is known by the session's cookie, which scripts can't read.

export class Refused extends Error {
  constructor(status, told) {
    super(told?.error ?? told?.detail?.[0]?.msg ?? `the bridge answered ${status}`);
    this.status = status;
    this.told = told ?? {};
  }
}

export async function ask(path, method = "GET", body = undefined) {
  let reply;
  try {
    reply = await fetch(path, {
      method,
      headers: body === undefined ? { "x-cutover-page": "1" } : { "content-type": "application/json", "x-cutover-page": "1" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, { error: "the bridge can't be reached" });
  }
  const told = await reply.json().catch(() => null);
  if (!reply.ok) throw new Refused(reply.status, told);
  return told;
}

const POLL = 3000, TRY_AGAIN = 15000, SILENT = 40000;

/** Calls `news` with every overview: from the stream of events, or by asking again and again while there is none. */
export function follow({ news, link, over }) {
  let stream = null, timer = 0, heard = 0, stopped = false, last = null;

  function listen() {
    stream?.close();
    stream = new EventSource("events");
    stream.addEventListener("overview", (event) => {
      heard = Date.now();
      clearTimeout(timer);
      timer = setTimeout(poll, SILENT);
      tell(JSON.parse(event.data), "live");
    });
    stream.addEventListener("bye", () => { stop(); over(); });
    stream.onerror = () => {
      // It tries again by itself, unless the bridge has refused. Meanwhile we ask.
      if (!stopped) { clearTimeout(timer); timer = setTimeout(poll, 500); }
    };
  }

  function tell(overview, how) {
    last = Date.now();
    link(how, last);
    news(overview);
  }

  async function poll() {
    clearTimeout(timer);
    if (stopped) return;
    try {
      const overview = await ask("overview");
      if (Date.now() - heard > POLL) tell(overview, "polling");
    } catch (error) {
      if (error.status === 401 || error.status === 403) { stop(); over(); return; }
      link("lost", last, error.message);
    }
    if (stopped) return;
    if (stream.readyState === EventSource.CLOSED && Date.now() - heard > TRY_AGAIN) { heard = Date.now() - POLL - 1; listen(); }
    timer = setTimeout(poll, POLL);
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    stream?.close();
  }

  listen();
  timer = setTimeout(poll, POLL);
  return { stop, now: poll };
}
