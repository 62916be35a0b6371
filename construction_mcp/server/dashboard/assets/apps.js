// A view of the dashboard inside an MCP host: shows what a tool answered, as text, and asks again when told to.
// Speaks MCP Apps (SEP-1865, 2026-01-26) with the window around it. Of our tools it calls the reads named in VIEWS;
// `decide_approval` always without arguments, which lists. What decides is a page of the dashboard, never this.
"use strict";
(() => {
  const host = window.parent;
  const words = JSON.parse(document.getElementById("words").textContent);
  const [main, menu, again, told] = ["content", "menu", "again", "told"].map((id) => document.getElementById(id));

  // messages

  const asked = new Map();
  let lastId = 0;
  let may = {}; // what the host offers
  const send = (message) => host.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const tell = (method, params = {}) => send({ method, params });
  const ask = (method, params) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      asked.set(lastId, { resolve, reject });
      send({ id: lastId, method, params });
    });

  const answered = ({ id, result, error }) => {
    const waiting = asked.get(id);
    if (!waiting) return;
    asked.delete(id);
    if (error) waiting.reject(new Error(error.message || "The host refused."));
    else waiting.resolve(result || {});
  };

  const HEARD = {
    "ui/notifications/tool-input": (params) => brought(params.arguments || {}),
    "ui/notifications/tool-result": (result) => arrived(result),
    "ui/notifications/tool-cancelled": () => problem("The call was cancelled."),
    "ui/notifications/host-context-changed": (context) => surround(context),
  };

  window.addEventListener("message", ({ source, data }) => {
    if (source !== host || !data || data.jsonrpc !== "2.0") return;
    if (!data.method) answered(data);
    else if (data.id === undefined) HEARD[data.method]?.(data.params || {});
    else if (["ui/resource-teardown", "ping"].includes(data.method)) send({ id: data.id, result: {} });
    else send({ id: data.id, error: { code: -32601, message: "Unknown method" } });
  });

  const surround = ({ theme }) => {
    if (theme === "light" || theme === "dark") document.documentElement.style.colorScheme = theme;
  };

  const fit = () => {
    const size = {
      width: window.innerWidth,
      height: Math.ceil(document.documentElement.getBoundingClientRect().height),
    };
    if (size.width === fit.width && size.height === fit.height) return;
    Object.assign(fit, size);
    tell("ui/notifications/size-changed", size);
  };

  // elements: text becomes text nodes and nothing else

  const unseen = new RegExp(words.unseen, "gu");
  const clean = (text) => String(text).replace(unseen, "");
  const SVG = "http://www.w3.org/2000/svg";
  const made = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, clean(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined) node.append(child instanceof Node ? child : clean(child));
    }
    return node;
  };
  const el = (tag, attributes = {}, ...children) => made(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => made(document.createElementNS(SVG, tag), attributes, children);
  const press = (label, then, look = "link") => {
    const button = el("button", { type: "button", class: look }, label);
    button.addEventListener("click", then);
    return button;
  };
  const said = (text) => el("bdi", {}, text);
  const code = (text) => el("code", {}, text);
  const quiet = (...text) => el("p", { class: "quiet" }, ...text);
  const small = (...text) => el("p", { class: "small" }, ...text);
  const line = (first, beside) =>
    el("div", { class: "line" }, el("span", {}, first), el("span", { class: "muted small" }, beside));
  const entries = (items, none) => (items.length ? el("ul", { class: "entries" }, items) : quiet(none));
  const facts = (pairs) =>
    el(
      "dl",
      { class: "facts small" },
      pairs
        .filter(([, value]) => value && value !== ABSENT)
        .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    );

  let parts = 0;
  const part = (tag, title, content) => {
    parts += 1;
    return el(
      tag,
      { class: "card", "aria-labelledby": `part-${parts}` },
      el("h2", { id: `part-${parts}` }, title),
      ...content,
    );
  };
  const card = (title, ...content) => part("section", title, content);

  const ABSENT = "\u2013";
  const table = (caption, heads, rows, look = "") =>
    el(
      "table",
      { class: `cards ${look}`, role: "table" },
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        { role: "rowgroup" },
        el(
          "tr",
          { role: "row" },
          heads.map((head) => el("th", { scope: "col", role: "columnheader" }, head)),
        ),
      ),
      el(
        "tbody",
        { role: "rowgroup" },
        rows.map(([first, ...rest]) => row(heads, first, rest)),
      ),
    );
  const row = (heads, first, rest) =>
    el(
      "tr",
      { role: "row" },
      el("th", { scope: "row", role: "rowheader" }, first),
      rest.map((cell, at) =>
        el("td", { role: "cell", "data-head": heads[at + 1], class: cell === ABSENT ? "none" : null }, cell),
      ),
    );

  // words

  const counted = (many, one) => `${many.toLocaleString("en")} ${many === 1 ? one : `${one}s`}`;
  const spaced = (text) => String(text).replaceAll("_", " ");
  const tone = (status) => words.tones[status] || "calm";
  const chip = (status) => (status ? el("span", { class: `chip ${tone(status)}` }, spaced(status)) : ABSENT);
  const written = (value) => (typeof value === "string" ? value : value === null ? "" : JSON.stringify(value, null, 1));
  const fix = (name) => (words.remedies[name] ? small(el("strong", {}, "Fix: "), words.remedies[name]) : null);

  const span = (seconds) => {
    const total = Math.round(seconds);
    const two = (large, name, next, nextName) => {
      const rest = Math.floor((total % large) / next);
      return `${Math.floor(total / large)} ${name}${rest ? ` ${rest} ${nextName}` : ""}`;
    };
    if (total < 60) return `${total} s`;
    if (total < 3600) return total < 600 ? two(60, "min", 1, "s") : `${Math.floor(total / 60)} min`;
    return total < 172_800 ? two(3600, "h", 60, "min") : `${Math.floor(total / 86_400)} days`;
  };
  const duration = (ms) => {
    if (ms === null || ms === undefined) return ABSENT;
    if (ms < 1000) return ms < 0.1 ? "< 0.1 ms" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
    return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
  };
  const time = (iso, text) => el("time", { datetime: iso, title: new Date(iso).toLocaleString() }, text);
  const when = (iso) => {
    if (!iso) return ABSENT;
    const apart = (Date.parse(iso) - Date.now()) / 1000;
    return time(iso, Math.abs(apart) < 1 ? "now" : apart > 0 ? `in ${span(apart)}` : `${span(-apart)} ago`);
  };

  // pictures

  const spark = (runs) => {
    const beats = runs.slice(0, words.beats).reverse();
    if (!beats.length) return el("span", { class: "muted" }, "none lately");
    const width = words.beats * 6 - 2;
    const bars = beats.map((run, at) => {
      const share = run.duration_ms > 1 ? Math.min(1, Math.log(run.duration_ms) / Math.log(words.long_ms)) : 0;
      const [x, height, look] = [(words.beats - beats.length + at) * 6, 5 + 19 * share, tone(run.status)];
      const bar = svg("rect", { x, y: 24 - height, width: 4, height, rx: 1, class: look });
      return look === "bad" ? [bar, svg("circle", { cx: x + 2, cy: 28, r: 2, class: look })] : bar;
    });
    const many = Object.entries(Object.groupBy(beats, (run) => run.status)).map(
      ([status, ones]) => `${ones.length} ${spaced(status)}`,
    );
    const label = `Runs: ${[counted(beats.length, "latest run"), ...many].join(", ")}`;
    const track = svg("rect", { x: 0, y: 24, width, height: 1, class: "track" });
    return svg(
      "svg",
      { class: "spark", viewBox: `0 0 ${width} 30`, width, height: 30, role: "img", "aria-label": label },
      track,
      bars,
    );
  };

  const gauge = ({ left, limit }, name) => {
    const share = limit ? left / limit : 0;
    const bar = svg("rect", {
      x: 0,
      y: 0,
      width: 100 * share,
      height: 6,
      class: share < 0.1 ? "bad" : share < 0.3 ? "wait" : "good",
    });
    const label = `${name}: ${left} of ${limit} requests left`;
    return svg(
      "svg",
      { class: "gauge", viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label },
      svg("rect", { x: 0, y: 0, width: 100, height: 6, class: "track" }),
      bar,
    );
  };

  const bar = (step, start, end) => {
    const whole = Math.max(end - start, 1);
    const within = (moment) => Math.min(Math.max((moment - start) / whole, 0), 1);
    const began = Date.parse(step.started_at);
    const ended = step.duration_ms === null || step.duration_ms === undefined ? end : began + step.duration_ms;
    const width = Math.max(within(ended) - within(began), 0.008);
    const x = 1000 * Math.min(within(began), 1 - width);
    const label = `began ${duration(began - start)} in, lasted ${duration(ended - began)}`;
    const track = svg("rect", { x: 0, y: 5, width: 1000, height: 2, class: "track" });
    const own = svg("rect", { x, y: 0, width: 1000 * width, height: 12, rx: 3, class: tone(step.status) });
    return svg(
      "svg",
      { class: "span", viewBox: "0 0 1000 12", preserveAspectRatio: "none", role: "img", "aria-label": label },
      track,
      own,
    );
  };

  // views: `calls` are what each shows, the first of them the tool whose result brings it up

  const NAMES = ["list_workflows", { limit: 100, fields: ["id", "name"] }];
  const nameOf = (id, listing) => listing?.items.find((one) => one.id === id)?.name || id;
  const runLink = (id, label) => press(label, () => show("run", { execution_id: id }));
  const none = (text) => (data) => (data ? null : quiet(text));
  const unread = none("Your host or your role does not let this be read here.");

  const tile = (name, many, bad) =>
    el("div", {}, el("dt", {}, name), el("dd", { class: many ? bad : "zero" }, (many || 0).toLocaleString("en")));
  const tiles = ({ counts, queue }) =>
    el(
      "dl",
      { class: "tiles" },
      tile("completed in 24 h", counts.completed),
      tile("failed in 24 h", counts.failed, "bad"),
      tile("running", counts.running),
      tile("waiting", counts.waiting),
      tile(["in the queue", queue.age_s ? ` · first ${span(queue.age_s)} ago` : null], queue.length),
      tile("need a person's look", counts.needs_review, "bad"),
    );

  const quota = (windows) =>
    windows.length
      ? el(
          "ul",
          { class: "quota" },
          windows.map((one) => {
            const name = { 3600: "This hour", 10: "These 10 seconds" }[one.window_s] || `${one.window_s} seconds`;
            const waiting = one.waiting ? small(`${counted(one.waiting, "request")} waiting`) : null;
            return el(
              "li",
              {},
              line(name, `${one.left.toLocaleString("en")} of ${one.limit.toLocaleString("en")} left`),
              gauge(one, name),
              waiting,
            );
          }),
        )
      : quiet("Nothing was asked of Procore since the start.");

  const stuckEntry = (names) => (one) =>
    el(
      "li",
      {},
      line(runLink(one.execution_id, said(nameOf(one.workflow_id, names))), [
        chip(one.status),
        " since ",
        when(one.started_at),
      ]),
      small(
        said(one.explanation),
        one.moves_at ? [one.reason === "person" ? " Closes " : " Goes on ", when(one.moves_at), "."] : null,
      ),
    );

  const failures = (runs, names) => {
    const kinds = Object.values(Object.groupBy(runs, (run) => `${run.workflow_id} ${run.error_code}`));
    return entries(
      kinds.slice(0, 6).map((ones) => {
        const often = ones.length > 1 ? `${ones.length} times, last ` : null;
        const name = runLink(ones[0].id, said(nameOf(ones[0].workflow_id, names)));
        return el(
          "li",
          {},
          line(name, [often, when(ones[0].started_at)]),
          small(code(ones[0].error_code || "no code")),
          fix(ones[0].error_code),
        );
      }),
      "None is kept.",
    );
  };

  const health = ({ status, reasons, environment, sample_data: isSample }) => [
    line(chip(status), isSample ? "sample data" : environment),
    entries(
      reasons.map((one) => el("li", {}, small(one.message), small(el("strong", {}, "Fix: "), one.fix))),
      "Nothing is wrong.",
    ),
  ];

  const overview = ([well, stats, stuck, failed, names]) => [
    stats ? tiles(stats) : null,
    columns(
      [
        card(
          "What is under way, and what it waits for",
          unread(stuck),
          stuck && entries(stuck.items.map(stuckEntry(names)), "Nothing: every run has ended."),
        ),
        card("Recent errors", unread(failed), failed && failures(failed.items, names)),
      ],
      [
        card("Server", unread(well), well && health(well)),
        card("Procore quota", unread(well), well && quota(well.procore.windows)),
      ],
    ),
  ];
  const columns = (left, right) =>
    el("div", { class: "columns" }, el("div", { class: "stack" }, left), el("div", { class: "stack" }, right));

  const workflows = ([listing, runs], args) => {
    const rows = listing.items.map((one) => [
      press(said(one.name), () => show("runs", { workflow_id: one.id })),
      chip(one.status),
      runs ? spark(runs.items.filter((run) => run.workflow_id === one.id)) : ABSENT,
      words.starts[one.trigger_type] || one.trigger_type || ABSENT,
      one.active_version ? String(one.active_version) : ABSENT,
    ]);
    const body = rows.length
      ? table("Workflows", ["Workflow", "State", "Latest runs", "Starts by", "Version"], rows)
      : quiet("No workflow is like that.");
    const legend =
      rows.length && runs
        ? el(
            "p",
            { class: "small muted more" },
            "A higher bar took longer, in powers of ten; a dot below marks a failure.",
          )
        : null;
    return el("section", { class: "card", "aria-label": "Workflows" }, body, legend, older("workflows", listing, args));
  };

  const runs = ([listing, names], args) => {
    const rows = listing.items.map((one) => [
      runLink(one.id, code(one.id)),
      said(nameOf(one.workflow_id, names)),
      [chip(one.status), " ", one.error_code ? code(one.error_code) : null, one.mode === "live" ? null : " test"],
      when(one.started_at),
      duration(one.duration_ms),
    ]);
    const body = rows.length
      ? table("Runs", ["Run", "Workflow", "State", "Began", "Took"], rows)
      : quiet("No run is like that.");
    return el("section", { class: "card", "aria-label": "Runs" }, body, older("runs", listing, args));
  };

  const older = (view, listing, args) =>
    listing.next_cursor && may.serverTools
      ? el(
          "p",
          { class: "more" },
          press("Older ones", () => show(view, { ...args, cursor: listing.next_cursor })),
        )
      : null;

  const run = ([{ execution, timeline }, names]) => {
    const start = Date.parse(execution.started_at);
    const end = execution.completed_at ? Date.parse(execution.completed_at) : Date.now();
    const steps = execution.steps.map((step) => [
      [
        code(step.item === undefined || step.item === null ? step.key : `${step.key}[${step.item}]`),
        el("br"),
        el("span", { class: "muted small" }, step.type),
        why(step),
      ],
      chip(step.status),
      step.status === "skipped" ? ABSENT : String(step.attempts),
      step.status === "skipped" ? ABSENT : bar(step, start, end),
      duration(step.duration_ms),
    ]);
    const moments = timeline.map((one) =>
      el(
        "li",
        {},
        time(one.at, new Date(one.at).toTimeString().slice(0, 8)),
        el("p", {}, one.step ? [code(one.step), " "] : null, said(one.text)),
      ),
    );
    return [
      el(
        "p",
        { class: "head" },
        said(nameOf(execution.workflow_id, names)),
        " ",
        chip(execution.status),
        execution.mode === "live" ? null : el("span", { class: "muted" }, " a test: nothing was sent"),
      ),
      columns(
        [
          card(
            "Steps",
            steps.length
              ? table("Steps", ["Step", "State", "Tries", "When", "Took"], steps, "gantt")
              : quiet("No step has begun."),
          ),
          card("What happened", el("ol", { class: "moments small" }, moments)),
        ],
        [card("Where it stands", stands(execution))],
      ),
    ];
  };
  const why = (step) => {
    const text = step.error
      ? `${step.error.code || ""}: ${step.error.message || ""}`
      : step.waiting_for
        ? `Waits for ${step.waiting_for.what}: ${step.waiting_for.who}`
        : step.skipped_because
          ? `${step.skipped_because.expression || ""} was not true with ${JSON.stringify(step.skipped_because.values)}`
          : null;
    return text ? small(said(text.slice(0, 300))) : null;
  };
  const stands = (one) => [
    facts([
      ["Run", code(one.id)],
      ["Version", one.version ? String(one.version) : "the draft"],
      ["Started by", said(one.trigger.type || "")],
      ["Began", when(one.started_at)],
      ["Ended", when(one.completed_at)],
      ["Took", duration(one.duration_ms)],
      ["Waits for", one.waiting_for && said(one.waiting_for.what)],
      ["Moved by", one.waiting_for && said(one.waiting_for.who)],
      ["Since", one.waiting_for && when(one.waiting_for.since)],
      ["Next timer", one.waiting_for?.next_timer_at && when(one.waiting_for.next_timer_at)],
    ]),
    one.error
      ? el(
          "div",
          { class: "alert small more" },
          el("p", {}, code(one.error.code || "")),
          el("p", {}, said(one.error.message || "")),
          fix(one.error.code),
        )
      : null,
  ];

  const approvals = ([{ status, approvals: questions }]) => {
    const note =
      status === "listed"
        ? null
        : el("p", { class: "head" }, status === "declined" ? "Nothing was decided." : `It is ${spaced(status)}.`);
    return questions.length
      ? [note, el("div", { class: "stack" }, questions.map(question))]
      : [note, el("div", { class: "card" }, quiet("Nothing waits for you."))];
  };
  const question = (one) =>
    part("article", said(one.summary), [
      line(
        chip(one.status),
        one.status === "pending"
          ? ["closes ", when(one.expires_at)]
          : one.decided_by
            ? ["by ", said(one.decided_by)]
            : null,
      ),
      el("h3", { class: "more" }, "What is decided"),
      el(
        "dl",
        { class: "shown" },
        Object.entries(one.shown).map(([name, value]) => [
          el("dt", {}, said(name)),
          el("dd", { dir: "auto" }, written(value)),
        ]),
      ),
      facts([
        ["May be changed", one.editable.length && said(one.editable.join(", "))],
        [
          "After a yes",
          one.execution_id
            ? "the run goes on with exactly this; the dashboard lists what follows"
            : "the call is carried out once, exactly as shown",
        ],
        ["Asked of", one.approvers.length ? said(one.approvers.join(", ")) : "whoever approves here"],
        ["Asked for", said(one.requested_by)],
        [
          "Run",
          one.execution_id &&
            (may.serverTools ? runLink(one.execution_id, code(one.execution_id)) : code(one.execution_id)),
        ],
      ]),
      one.status === "pending" ? deciding(one) : null,
    ]);
  // Only a person decides: behind the dashboard's sign-in, or in a form that the host shows them.
  const deciding = ({ id }) => {
    if (!words.dashboard)
      return el(
        "p",
        { class: "small more" },
        "To decide, use the link in your mail, or run ",
        code(`construction-mcp approvals show ${id}`),
        ".",
      );
    const url = `${words.dashboard}/approvals/${encodeURIComponent(id)}`;
    if (!may.openLinks) return el("p", { class: "small more" }, "To decide, open ", code(url));
    const refused = () => announce(`The host did not open ${url}`);
    return el(
      "p",
      { class: "more" },
      press("Decide on the dashboard", () => ask("ui/open-link", { url }).catch(refused), "no"),
    );
  };

  const same = (args) => args;
  const nothing = () => ({});
  const VIEWS = {
    overview: {
      title: "Overview",
      args: nothing,
      calls: () => [
        ["get_system_health", {}],
        ["get_workflow_stats", { window: "24h", bucket: "hour" }],
        ["explain_stuck_executions", { older_than_minutes: 0 }],
        ["list_executions", { status: "failed", limit: 50 }],
        NAMES,
      ],
      draw: overview,
    },
    workflows: {
      title: "Workflows",
      args: same,
      calls: (args) => [
        ["list_workflows", args],
        ["list_executions", { mode: "live", limit: 100 }],
      ],
      draw: workflows,
    },
    runs: { title: "Runs", args: same, calls: (args) => [["list_executions", args], NAMES], draw: runs },
    run: { title: "Run", args: same, calls: (args) => [["observe_workflow_execution", args], NAMES], draw: run },
    // Whatever brought it up, a decision or a code too, is not said again.
    approvals: { title: "Approvals", args: nothing, calls: () => [["decide_approval", {}]], draw: approvals },
  };

  // what is shown

  const shown = { view: words.view, args: {}, turn: 0, isPart: false };

  const read = async ([name, args]) => {
    const result = await ask("tools/call", { name, arguments: args });
    if (result.isError || !result.structuredContent)
      throw new Error(textOf(result) || "The tool gave nothing to show.");
    return result.structuredContent;
  };
  const textOf = (result) =>
    (result.content || [])
      .map((block) => block.text || "")
      .join("\n")
      .trim();
  const announce = (text) => (told.textContent = clean(text));

  const put = (title, ...content) => {
    parts = 0;
    main.replaceChildren(el("h1", {}, title), ...content.flat(Infinity).filter(Boolean));
    for (const button of menu.querySelectorAll("button")) {
      if (button.dataset.view === shown.view) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    fit();
  };
  const problem = (text) => put(VIEWS[shown.view].title, el("p", { class: "alert", role: "alert" }, said(text)));

  // The first is needed; what else a view shows beside it may be refused to whoever looks.
  const draw = async (first) => {
    const { title, calls, draw: drawn } = VIEWS[shown.view];
    const [turn, args] = [(shown.turn += 1), shown.args];
    const [needed, ...beside] = calls(args);
    try {
      const more = may.serverTools ? beside.map((call) => read(call).catch(() => undefined)) : [];
      const data = [first || (await read(needed)), ...(await Promise.all(more))];
      if (turn !== shown.turn) return;
      put(title, drawn(data, args));
      announce(`${title}: shown`);
    } catch (error) {
      if (turn === shown.turn) problem(error.message);
    }
  };

  const brought = ({ fields, ...args }) => {
    shown.args = VIEWS[shown.view].args(args);
    shown.isPart = Boolean(fields);
  };
  const arrived = (result) => {
    if (shown.view !== words.view) return; // whoever looks went on meanwhile
    if (result.isError || !result.structuredContent) problem(textOf(result) || "The tool gave nothing to show.");
    else draw(shown.isPart && may.serverTools ? undefined : result.structuredContent); // a part is not enough to show
  };

  const show = (view, args) => {
    Object.assign(shown, { view, args });
    main.focus({ preventScroll: true });
    return draw();
  };

  const start = async () => {
    const { hostCapabilities, hostContext } = await ask("ui/initialize", {
      protocolVersion: "2026-01-26",
      appInfo: { name: "construction-mcp", version: words.version },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    may = hostCapabilities || {};
    surround(hostContext || {});
    if (may.serverTools) {
      const places = ["overview", "workflows", "runs", "approvals"];
      const buttons = places.map((view) =>
        made(
          press(VIEWS[view].title, () => show(view, {}), ""),
          { "data-view": view },
          [],
        ),
      );
      menu.append(
        el(
          "ul",
          {},
          buttons.map((button) => el("li", {}, button)),
        ),
      );
      menu.hidden = again.hidden = false;
      again.addEventListener("click", () => draw());
    }
    tell("ui/notifications/initialized");
    new ResizeObserver(fit).observe(document.documentElement);
  };
  start().catch((error) => problem(error.message));
})();
