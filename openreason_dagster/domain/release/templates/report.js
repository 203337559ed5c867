"use strict";

const PAGE_ROWS = 100;
const folder = document.getElementById("traces").dataset.folder;
const form = document.getElementById("filters");
const list = document.getElementById("rows-of-traces");
const detail = document.getElementById("detail");
const comparison = document.getElementById("comparison");
const facets = ["model", "temperature", "verdict", "domain"];
const files = new Map();
let index = null;
let found = [];
let page = 0;
let selected = null;

globalThis.openreason = {
  index(content) {
    index = content;
    start();
  },
  traces(content) {
    for (const row of content.rows) {
      row.sampling_record = content.sampling_record[row.sampling_record];
      row.environment = content.environment[row.environment];
    }
    files.get(content.number).rows = new Map(content.rows.map((row) => [row.trace_id, row]));
  },
};

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

function load(name) {
  return new Promise((resolve, reject) => {
    const script = element("script", { src: `${folder}/${name}`, charset: "utf-8" });
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${folder}/${name} is not beside this page.`)));
    document.head.append(script);
  });
}

async function traceAt(place) {
  const number = index.traces.file[place];
  if (!files.has(number)) {
    files.set(number, {});
    files.get(number).loaded = load(`traces-${number}.js`);
  }
  await files.get(number).loaded;
  return files.get(number).rows.get(index.traces.id[place]);
}

function value(facet, place) {
  return index.values[facet][index.traces[facet][place]] ?? null;
}

function number(value) {
  return value === null ? "–" : String(Math.round(value * 1000) / 1000);
}

function fillFilters() {
  for (const facet of facets) {
    const values = [...index.values[facet]].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    form.elements[facet].append(
      element("option", { value: "", textContent: "all" }),
      ...values.map((value) => element("option", { value, textContent: value.replaceAll("_", " ") })),
    );
  }
}

function placesThatPass() {
  const wanted = facets
    .filter((facet) => form.elements[facet].value)
    .map((facet) => [index.traces[facet], index.values[facet].indexOf(form.elements[facet].value)]);
  const text = form.elements.text.value.trim().toLowerCase();
  const prompts = index.prompts.id.map(
    (id, place) => id.startsWith(text) || (index.prompts.start[place] ?? "").toLowerCase().includes(text),
  );
  return index.traces.id
    .map((_, place) => place)
    .filter(
      (place) =>
        wanted.every(([codes, code]) => codes[place] === code) &&
        (!text || prompts[index.traces.prompt[place]] || index.traces.id[place].startsWith(text)),
    );
}

function verdict(word) {
  return element("span", { className: `verdict ${word}`, textContent: word.replaceAll("_", " ") });
}

function row(place) {
  const prompt = index.traces.prompt[place];
  const text = index.prompts.start[prompt] ?? index.prompts.id[prompt];
  const button = element("button", { type: "button", textContent: text });
  const where = `T = ${value("temperature", place)}, sample ${index.traces.sample[place]}`;
  const tr = element(
    "tr",
    {},
    element("td", {}, button, element("small", { textContent: value("domain", place) ?? "" })),
    element("td", { title: value("model", place) }, value("model", place), element("small", { textContent: where })),
    element("td", {}, verdict(value("verdict", place))),
    element("td", { className: "number", textContent: number(index.traces.reward[place]) }),
  );
  tr.dataset.trace = index.traces.id[place];
  tr.addEventListener("click", () => {
    history.replaceState(null, "", `#trace=${index.traces.id[place]}`);
    show(place);
  });
  return tr;
}

function showPage() {
  const first = page * PAGE_ROWS;
  const shown = found.slice(first, first + PAGE_ROWS);
  list.replaceChildren(...shown.map(row));
  if (!found.length) {
    list.replaceChildren(element("tr", {}, element("td", { colSpan: 4, textContent: "No trace passes the filters." })));
  }
  const total = index.traces.id.length.toLocaleString("en");
  document.getElementById("found").textContent = `${found.length.toLocaleString("en")} of ${total}`;
  const last = Math.min(first + PAGE_ROWS, found.length);
  document.getElementById("page").textContent = found.length ? `${first + 1} to ${last}` : "";
  document.getElementById("previous").disabled = page === 0;
  document.getElementById("next").disabled = last >= found.length;
  document.getElementById("list").scrollTop = 0;
  mark();
}

function mark() {
  for (const tr of list.children) {
    tr.setAttribute("aria-current", String(tr.dataset.trace === selected));
  }
}

function turn(pages) {
  page += pages;
  showPage();
}

function update() {
  found = placesThatPass();
  const kept = found.findIndex((place) => index.traces.id[place] === selected);
  page = Math.max(0, Math.floor(kept / PAGE_ROWS));
  showPage();
  if (found.length) {
    show(found[Math.max(0, kept)]);
  } else {
    detail.replaceChildren();
    comparison.replaceChildren();
  }
}

function text(title, value, className, cut) {
  const parts = [element("h3", { textContent: title })];
  const shown = (value ?? "").trim();
  parts.push(element("pre", { className: `text ${className}`, textContent: shown || "(empty)" }));
  if (cut) {
    parts.push(element("p", { className: "note", textContent: `${cut} more characters are in the table.` }));
  }
  return parts;
}

function facts(title, pairs) {
  const entries = pairs.map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value ?? "–" })),
  );
  return [element("h3", { textContent: title }), element("dl", { className: "facts" }, ...entries)];
}

function record(title, json) {
  let shown = json;
  try {
    shown = JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    // Shown as it is stored.
  }
  return element("details", {}, element("summary", { textContent: title }), element("pre", { textContent: shown }));
}

function chain(trace) {
  const steps = [
    ["seed", trace.source ? `${trace.source}, row ${trace.source_row_id}, ${trace.license}` : "not in the pool now"],
    ["pool", trace.prompt_id],
    ["sampled", `${trace.model} at T = ${trace.temperature}, sample ${trace.sample_index}, seed ${trace.seed ?? "–"}`],
    ["verdict", `${trace.verdict} by ${trace.method} (${trace.verifier_version})`],
    ["rewards", `total ${number(trace.reward_total)}`],
    ["used in", trace.fate ?? "no data set yet"],
  ];
  const items = steps.map(([name, value]) =>
    element("li", {}, element("b", { textContent: name }), element("span", { textContent: value })),
  );
  return [element("h3", { textContent: "From the seed" }), element("ol", { className: "chain" }, ...items)];
}

function compareButton(place) {
  const answers = index.traces.prompt.filter((prompt) => prompt === index.traces.prompt[place]).length;
  const button = element("button", {
    type: "button",
    className: "plain",
    textContent: answers === 1 ? "The only answer here" : `Compare its ${answers} answers`,
    disabled: answers === 1,
  });
  button.addEventListener("click", () => compare(place));
  return button;
}

async function show(place) {
  selected = index.traces.id[place];
  mark();
  let trace = null;
  try {
    trace = await traceAt(place);
  } catch (error) {
    detail.replaceChildren(element("p", { className: "empty", textContent: error.message }));
    return;
  }
  if (selected !== trace.trace_id) {
    return; // Another one was chosen meanwhile.
  }
  detail.scrollTop = 0;
  comparison.replaceChildren();
  detail.replaceChildren(
    element(
      "header",
      {},
      verdict(trace.verdict),
      element("span", { className: "mono", textContent: trace.trace_id }),
      compareButton(place),
    ),
    ...text("Prompt", trace.prompt, "prompt", trace.prompt_cut),
    ...text("Reasoning", trace.reasoning, "reasoning", trace.reasoning_cut),
    ...text("Answer", trace.answer, "answer", trace.answer_cut),
    ...chain(trace),
    ...facts("Verdict", [
      ["reference", trace.reference_answer],
      ["extracted answer", trace.extracted_answer],
      ["evidence", trace.message],
    ]),
    ...facts("Rewards", [
      ["accuracy", number(trace.reward_accuracy)],
      ["format", number(trace.reward_format)],
      ["language consistency", number(trace.reward_language_consistency)],
      ["language", trace.dominant_language],
      ["words", trace.reasoning_words],
    ]),
    ...facts("Sampling", [
      ["tokens", `${trace.prompt_tokens ?? "–"} + ${trace.completion_tokens ?? "–"}`],
      ["ended by", trace.finish_reason],
      ["think block", trace.think_state],
      ["attempts", trace.attempts],
      ["sampled at", trace.sampled_at],
      ["fingerprint", trace.fingerprint],
    ]),
    record("Everything that was asked for", trace.sampling_record),
    record("What it ran on", trace.environment),
  );
}

function columnsOf(place) {
  const columns = new Map();
  index.traces.prompt.forEach((prompt, other) => {
    if (prompt === index.traces.prompt[place]) {
      const key = `${value("model", other)}\n${value("temperature", other)}`;
      columns.set(key, [...(columns.get(key) ?? []), other]);
    }
  });
  const names = [...columns.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name) => columns.get(name));
}

async function fillColumn(card, places, shown) {
  const trace = await traceAt(places[shown]);
  const correct = places.filter((place) => value("verdict", place) === "correct").length;
  const step = (label, to) => {
    const button = element("button", { type: "button", className: "plain", textContent: label });
    button.disabled = to < 0 || to >= places.length;
    button.setAttribute("aria-label", `${to < shown ? "Previous" : "Next"} answer of ${trace.model}`);
    button.addEventListener("click", () => fillColumn(card, places, to));
    return button;
  };
  card.replaceChildren(
    element("h4", { textContent: trace.model }),
    element("p", { className: "note", textContent: `T = ${trace.temperature}, ${correct} of ${places.length} correct` }),
    element(
      "header",
      {},
      step("‹", shown - 1),
      element("span", { className: "mono", textContent: `${shown + 1} of ${places.length}` }),
      step("›", shown + 1),
      verdict(trace.verdict),
    ),
    ...text("Reasoning", trace.reasoning, "reasoning", trace.reasoning_cut),
    ...text("Answer", trace.answer, "answer", trace.answer_cut),
  );
}

async function compare(place) {
  const first = await traceAt(place);
  const columns = columnsOf(place);
  const cards = columns.map(() => element("article", { className: "card" }));
  await Promise.all(columns.map((places, column) => fillColumn(cards[column], places, Math.max(0, places.indexOf(place)))));
  const close = element("button", { type: "button", className: "plain", textContent: "Close" });
  close.addEventListener("click", () => comparison.replaceChildren());
  comparison.replaceChildren(
    element("header", {}, element("h3", { textContent: "Answers side by side" }), close),
    element("pre", { className: "text prompt", textContent: first.prompt ?? first.prompt_id }),
    element("div", { className: "columns", tabIndex: 0 }, ...cards),
  );
  comparison.scrollIntoView({ block: "start" });
}

function start() {
  fillFilters();
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("previous").addEventListener("click", () => turn(-1));
  document.getElementById("next").addEventListener("click", () => turn(1));
  selected = new URLSearchParams(location.hash.slice(1)).get("trace");
  update();
}

load("index.js").catch((error) => {
  list.replaceChildren(element("tr", {}, element("td", { colSpan: 4, textContent: error.message })));
});
