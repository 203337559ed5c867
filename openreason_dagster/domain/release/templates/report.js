"use strict";

const traces = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filters");
const list = document.getElementById("rows-of-traces");
const detail = document.getElementById("detail");
const facets = ["model", "temperature", "verdict", "domain"];
let selected = null;

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

function number(value) {
  return value === null ? "–" : String(Math.round(value * 1000) / 1000);
}

function fillFilters() {
  for (const facet of facets) {
    const values = [...new Set(traces.map((trace) => trace[facet]).filter((value) => value !== null))];
    values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    form.elements[facet].append(
      element("option", { value: "", textContent: "all" }),
      ...values.map((value) => element("option", { value, textContent: value.replaceAll("_", " ") })),
    );
  }
}

function passes(trace) {
  const text = form.elements.text.value.trim().toLowerCase();
  const searched = [trace.prompt, trace.reasoning, trace.answer, trace.trace_id];
  return (
    facets.every((facet) => !form.elements[facet].value || trace[facet] === form.elements[facet].value) &&
    (!text || searched.some((value) => value !== null && value.toLowerCase().includes(text)))
  );
}

function verdict(trace) {
  return element("span", { className: `verdict ${trace.verdict}`, textContent: trace.verdict.replaceAll("_", " ") });
}

function row(trace) {
  const button = element("button", { type: "button", textContent: trace.prompt ?? trace.prompt_id });
  const place = element("small", { textContent: `T = ${trace.temperature}` });
  const tr = element(
    "tr",
    {},
    element("td", {}, button, element("small", { textContent: trace.domain ?? "" })),
    element("td", { title: trace.model }, trace.model, place),
    element("td", {}, verdict(trace)),
    element("td", { className: "number", textContent: number(trace.reward_total) }),
  );
  tr.dataset.trace = trace.trace_id;
  tr.addEventListener("click", () => {
    history.replaceState(null, "", `#trace=${trace.trace_id}`);
    show(trace);
  });
  return tr;
}

function update() {
  const found = traces.filter(passes);
  list.replaceChildren(...found.map(row));
  document.getElementById("found").textContent = `${found.length} of ${traces.length}`;
  if (!found.length) {
    list.replaceChildren(element("tr", {}, element("td", { colSpan: 4, textContent: "No trace passes the filters." })));
  }
  const shown = found.find((trace) => trace.trace_id === selected) ?? found[0];
  if (shown) {
    show(shown);
  } else {
    detail.replaceChildren();
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

function show(trace) {
  selected = trace.trace_id;
  for (const tr of list.children) {
    tr.setAttribute("aria-current", String(tr.dataset.trace === selected));
  }
  detail.scrollTop = 0;
  detail.replaceChildren(
    element("header", {}, verdict(trace), element("span", { className: "mono", textContent: trace.trace_id })),
    ...text("Prompt", trace.prompt, "prompt", trace.prompt_cut),
    ...text("Reasoning", trace.reasoning, "reasoning", trace.reasoning_cut),
    ...text("Answer", trace.answer, "answer", trace.answer_cut),
    ...facts("Verdict", [
      ["reference", trace.reference_answer],
      ["extracted answer", trace.extracted_answer],
      ["method", trace.method],
      ["evidence", trace.message],
      ["verifier", trace.verifier_version],
      ["used in", trace.fate],
    ]),
    ...facts("Rewards", [
      ["accuracy", number(trace.reward_accuracy)],
      ["format", number(trace.reward_format)],
      ["language consistency", number(trace.reward_language_consistency)],
      ["total", number(trace.reward_total)],
      ["language", trace.dominant_language],
      ["words", trace.reasoning_words],
    ]),
    ...facts("Sampling", [
      ["model", trace.model],
      ["temperature", trace.temperature],
      ["sample", trace.sample_index],
      ["seed", trace.seed],
      ["tokens", `${trace.prompt_tokens ?? "–"} + ${trace.completion_tokens ?? "–"}`],
      ["ended by", trace.finish_reason],
      ["think block", trace.think_state],
      ["attempts", trace.attempts],
      ["sampled at", trace.sampled_at],
      ["source", trace.source],
      ["licence", trace.license],
      ["fingerprint", trace.fingerprint],
    ]),
    record("Everything that was asked for", trace.sampling_record),
    record("What it ran on", trace.environment),
  );
}

form.addEventListener("input", update);
form.addEventListener("submit", (event) => event.preventDefault());
fillFilters();
selected = new URLSearchParams(location.hash.slice(1)).get("trace");
update();
