"use strict";
// One decode, replayed. `data` is what replay.py kept of it and explore.py says of the model; `state` is what the
// reader looks at, and each draw… function makes one part of the page of the two. Whatever text the data holds enters
// the page as text, through textContent and append(), and never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const last = data.steps.length - 1;
const looked = Object.keys(data.values).find((id) => data.values[id].word === "attn_weights"); // alpha, if any
const state = {
  step: 0, // target step, counted from 0
  chosen: looked ?? Object.keys(data.operations).at(-1), // value or operation that is looked into
  hidden: null, // source position that the decoder may not look at
  head: null, // head whose weights are shown; null for the mean of all
};

// ----------------------------------------------------------------------------------------------- making elements

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function shape(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const note = (textContent) => make("p", { className: "note", textContent });

/** A button that bears a symbol; `place` says which one it is: {i: target step} or {j: source position}. */
function token(name, place, ariaLabel, onclick) {
  const button = make("button", { type: "button", className: "symbol", textContent: name, title: name });
  Object.assign(button.dataset, place);
  button.onpointerenter = button.onfocus = () => lightSymbol(place);
  button.onpointerleave = button.onblur = dim;
  return Object.assign(button, { ariaLabel, onclick });
}

const sourceToken = (name, j) => token(name, { j }, `hide position ${j + 1}, ${name}, from the decoder`, () => hide(j));
const targetToken = (name, i) => token(name, { i }, `go to step ${i + 1}, ${name}`, () => go(i));

/** Symbols in one line. */
function line(...names) {
  const parts = names.flatMap((name) => [data.gap, make("span", { className: "symbol", textContent: name })]);
  return make("span", { className: "text" }, ...parts.slice(1));
}

function table(head, rows) {
  const cells = (tag, row) => make("tr", {}, ...row.map((cell) => make(tag, {}, cell)));
  const body = rows.map((row) => cells("td", row));
  return [make("thead", {}, cells("th", head)), make("tbody", {}, ...body)];
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const figure = (number) => (number === null ? "not finite" : String(number).replaceAll("-", "−"));
const count = (number) => number.toLocaleString("en");
const sizes = (shape) => shape.map(count).join(" × ");

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Arrow keys, Home and End move the focus within rows of elements, of which only one is in the order of Tab. */
function rove(container, rows) {
  rows.flat().filter(Boolean).forEach((element, n) => (element.tabIndex = n ? -1 : 0));
  container.onkeydown = (event) => {
    const r = rows.findIndex((row) => row.includes(event.target));
    const ends = { Home: rows[r]?.find(Boolean), End: rows[r]?.at(-1) };
    const move = ARROWS[event.key];
    if (r < 0 || !(move || event.key in ends)) return;
    event.preventDefault();
    const next = move ? rows[r + move[0]]?.[rows[r].indexOf(event.target) + move[1]] : ends[event.key];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
}

// ----------------------------------------------------------------------------------------------- reading and writing

function drawReader() {
  const { chosen, probability } = data.steps[state.step];
  const before = state.step ? data.steps[state.step - 1].chosen : data.first;
  const words = [`Step ${state.step + 1} of ${last + 1}: after `, line(before), " it writes ", line(chosen)];
  $("now").replaceChildren(...words, `, p = ${figure(probability)}`);
  $("step").value = state.step + 1;
  $("step").setAttribute("aria-valuetext", $("now").textContent);
  const weights = looked ? rowOf(state.step) : [];
  [...$("source").children].forEach((button, j) => {
    button.style.setProperty("--weight", weights[j] ?? 0);
    button.ariaPressed = String(state.hidden === j);
  });
  [...$("target").children].forEach((button, i) => {
    button.classList.toggle("later", i > state.step);
    button.setAttribute("aria-current", i === state.step ? "step" : "false");
  });
  showWithin($("target"), $("target").children[state.step]);
}

/** Scroll a box, and never the page, until an element in it is in its middle. */
function showWithin(box, element) {
  const [outer, inner] = [box, element].map((each) => each.getBoundingClientRect());
  if (inner.width < outer.width) box.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  box.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
}

// ----------------------------------------------------------------------------------------------- what if

/** Hide a position from the decoder, or show it again. */
function hide(j) {
  state.hidden = state.hidden === j ? null : j;
  drawWhatIf();
  drawReader();
  drawMatrix();
}

function drawWhatIf() {
  const j = state.hidden;
  $("whatif").hidden = j === null;
  if (j === null) return;
  const again = make("button", { type: "button", textContent: "Let it look again" });
  again.onclick = () => {
    hide(j);
    $("source").children[j].focus();
  };
  const name = line(data.positions[j]);
  const title = make("h2", {}, "What if the decoder could not look at ", name, `, position ${j + 1}?`);
  $("whatif").replaceChildren(title, ...whatIf(data.without?.[j]), again);
}

function whatIf(other) {
  if (!looked) return [note("This model has no attention: it looks at no position, so that nothing changes.")];
  const computed = `${count(data.without.length)} of ${count(data.positions.length)} positions`;
  if (!other) return [note(`Computed for the first ${computed} only, so that the page is soon made.`)];
  const isChanged = other.symbols.map((symbol, i) => symbol !== data.steps[i]?.chosen);
  const changed = isChanged.filter(Boolean).length;
  const symbols = other.symbols.map((symbol, i) => {
    const span = make(isChanged[i] ? "mark" : "span", { className: "symbol", textContent: symbol, title: symbol });
    span.dataset.i = i;
    return span;
  });
  const length = symbols.length === last + 1 ? "" : `, ${symbols.length} long instead of ${last + 1}`;
  const heads = data.weights[0].length > 1 ? " in the mean of its heads" : "";
  const matrix = other.thousandths
    ? `The matrix shows where it would look${heads}, all else what it really does.`
    : "Where it would look was left out, to keep the file small: all below is what it really does.";
  return [
    make("p", {}, `It would write, ${changed || "no"} symbol${changed === 1 ? "" : "s"} changed${length}:`),
    make("div", { className: "tokens" }, ...symbols),
    make("p", {}, `Log-probability of what it really writes: ${figure(data.score)} → ${figure(other.score)}`),
    note(`The encoder has read the whole source: h and the first state are as they were. ${matrix}`),
  ];
}

// ----------------------------------------------------------------------------------------------- attention

const CELLS = 8000; // of the matrix at a time: of a longer one, some rows around the step

/** The weights of one step of the decode, (S). */
function rowOf(i) {
  const heads = data.weights[i];
  if (state.head !== null || heads.length === 1) return heads[state.head ?? 0];
  return heads[0].map((_, j) => Number(mean(heads.map((head) => head[j])).toPrecision(3)));
}

/** The what-if whose matrix is shown, if one is. */
const shownWhatIf = () => {
  const other = state.hidden === null ? null : data.without?.[state.hidden];
  return other?.thousandths ? other : null;
};

function drawMatrix() {
  if (!looked) return;
  const other = shownWhatIf();
  const names = other?.symbols ?? data.steps.map((step) => step.chosen);
  const height = Math.max(5, Math.floor(CELLS / data.positions.length));
  const first = Math.max(0, Math.min(state.step - (height >> 1), names.length - height));
  const key = [first, state.hidden, state.head].join();
  if (drawMatrix.key !== key) {
    drawMatrix.key = key; // another matrix, or other rows of it; else only the step is marked anew
    const weights = (i) => (other ? other.thousandths[i].map((weight) => weight / 1000) : rowOf(i));
    const rows = names.slice(first, first + height).map((name, n) => matrixRow(first + n, name, weights(first + n)));
    const head = data.positions.map(sourceToken);
    head.forEach((button, j) => (button.ariaPressed = String(state.hidden === j)));
    const columns = head.map((button) => make("th", { scope: "col" }, button));
    const body = rows.map(([side, ...cells]) => make("tr", {}, make("th", { scope: "row" }, side), ...cells));
    const { i, j } = $("matrix").contains(document.activeElement) ? document.activeElement.dataset : {};
    $("matrix").replaceChildren(
      make("thead", {}, make("tr", {}, make("td"), ...columns)),
      make("tbody", {}, ...body),
    );
    rove($("matrix"), [[null, ...head], ...rows]);
    $("matrix").querySelector(`[data-i="${i}"], [data-j="${j}"]`)?.focus(); // where it was
    const part = rows.length < names.length ? ` ${first + 1} to ${first + rows.length} of ${names.length}` : "";
    $("axes").textContent = `rows: target${part}, columns: source`;
  }
  const shown = [...$("matrix").tBodies[0].rows];
  shown.forEach((tr, n) => tr.classList.toggle("now", first + n === state.step));
  showWithin($("matrix").parentElement, shown[Math.min(state.step - first, shown.length - 1)]);
}

/** The button and the cells of one target symbol. */
function matrixRow(i, name, weights) {
  const looks = shownWhatIf() ? "would look" : "looks";
  const cells = weights.map((weight, j) => {
    const place = `${data.positions[j]} (j = ${j + 1})`;
    const words = `writing ${name} (i = ${i + 1}) it ${looks} at ${place}: ${figure(weight)}`;
    const cell = make("td", { className: "weight", ariaLabel: words, onfocus: () => lightCell(cell, i, j) });
    cell.onpointerenter = cell.onfocus;
    cell.style.setProperty("--weight", weight ?? 0);
    return cell;
  });
  return [targetToken(name, i), ...cells];
}

// ----------------------------------------------------------------------------------------------- what belongs together

/** Light up the two symbols of a cell, and in the diagram the arrows into and out of alpha. */
function lightCell(cell, i, j) {
  const output = shownWhatIf() ? "#whatif" : "#target";
  const symbols = `:is(#matrix, ${output}) [data-i="${i}"], :is(#matrix, #source) [data-j="${j}"]`;
  lightOnly(`${symbols}, ${arrowsOf(looked)}`);
  cell.classList.add("lit");
  $("looked").textContent = cell.ariaLabel;
}

/** Light up a symbol with its row or column, and in the diagram the arrows into and out of alpha. */
function lightSymbol({ i, j }) {
  const isSource = j !== undefined, output = shownWhatIf() ? "#whatif" : "#target";
  const symbols = isSource ? `:is(#matrix, #source) [data-j="${j}"]` : `:is(#matrix, ${output}) [data-i="${i}"]`;
  const cells = isSource ? `#matrix .weight:nth-child(${j + 2})` : `#matrix tr:has([data-i="${i}"]) .weight`;
  if (looked) lightOnly(`${symbols}, ${cells}, ${arrowsOf(looked)}`);
}

/** Light up the arrows of a node of the diagram; of alpha, the row of this step too. */
function lightNode(id) {
  const row = `, #target [data-i="${state.step}"], #matrix .now .weight, #matrix .now .symbol`;
  lightOnly(arrowsOf(id) + (id === looked ? row : ""));
}

const arrowsOf = (id) => `.edge[data-id^="${CSS.escape(id)}->"], .edge[data-id$="->${CSS.escape(id)}"]`;

function lightOnly(selector) {
  dim();
  document.querySelectorAll(selector).forEach((element) => element.classList.add("lit"));
}

function dim() {
  document.querySelectorAll(".lit").forEach((element) => element.classList.remove("lit"));
  $("looked").textContent = looked
    ? "Rest on a cell for its number and what it joins; press a source symbol to hide it from the decoder."
    : "This model has no attention: all that its decoder knows of the source is the state that it begins with.";
}

// ----------------------------------------------------------------------------------------------- the diagram

const strips = []; // for each value, a function that draws its strip for a step

function prepareDiagram() {
  const svg = $("diagram").querySelector("svg"), { width } = svg.viewBox.baseVal;
  svg.style.maxWidth = `${width * 1.4}px`;
  svg.style.minWidth = `${width * 0.8}px`; // and what is wider than a telephone is scrolled
  for (const node of svg.querySelectorAll(".node")) {
    const id = node.dataset.id;
    node.classList.add(id in data.values ? "value" : "operation");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", data.labels[id]);
    node.tabIndex = 0;
    node.onclick = () => choose(id);
    node.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(id);
    };
    node.onpointerenter = node.onfocus = () => lightNode(id);
    node.onpointerleave = node.onblur = dim;
    if (id in data.values) addStrip(node, id);
  }
}

/** Below a value, what it holds: at most 24 cells, each the mean of all rows and of neighbours. */
function addStrip(node, id) {
  const frames = data.values[id].frames.map(({ numbers }) => {
    const columns = numbers[0].map((_, c) => mean(numbers.map((row) => row[c])));
    const size = Math.ceil(columns.length / 24), cells = Math.ceil(columns.length / size);
    return Array.from({ length: cells }, (_, n) => mean(columns.slice(n * size, (n + 1) * size)));
  });
  const scale = data.values[id].shares ? 1 : Math.max(...frames.flat().map(Math.abs));
  const box = node.querySelector("path, polygon").getBBox();
  const [x, y, width, height] = [box.x + 6, box.y + box.height, box.width - 12, 6];
  const cell = width / frames[0].length;
  const rects = frames[0].map((_, n) => shape("rect", { x: x + n * cell, y, width: cell, height }));
  const strip = shape("g", { class: "strip", "data-of": id });
  strip.append(shape("rect", { class: "plate", x, y, width, height }), ...rects);
  node.parentElement.append(strip); // after the arrows, and so above them
  strips.push((step) => rects.forEach((rect, n) => colour(rect, frames[Math.min(step, frames.length - 1)][n], scale)));
}

/** Colour a cell: one colour above zero, another below, and the fainter the nearer. */
function colour(rect, number, scale) {
  rect.setAttribute("class", number < 0 ? "less" : "more");
  rect.setAttribute("fill-opacity", scale ? Math.min(1, Math.abs(number) / scale) : 0);
}

function drawDiagram() {
  strips.forEach((draw) => draw(state.step));
  document.querySelectorAll("#diagram .node").forEach((node) => {
    node.setAttribute("aria-pressed", String(node.dataset.id === state.chosen));
  });
}

// ----------------------------------------------------------------------------------------------- details

/** Look into a value or an operation. */
function choose(id) {
  state.chosen = id;
  $("chosen").textContent = data.labels[id];
  drawDiagram();
  drawDetails();
}

function drawDetails() {
  const id = state.chosen, value = data.values[id];
  const [facts, below] = value ? aboutValue(id, value) : aboutOperation(data.operations[id]);
  const list = facts.filter(([, ...what]) => what.length).flatMap(([term, ...what]) => [
    make("dt", { textContent: term }),
    make("dd", {}, ...what),
  ]);
  $("facts").replaceChildren(make("dl", {}, ...list), ...below);
}

/** Buttons that lead to other values and operations. */
const jumps = (ids) =>
  ids.map((id) => make("button", { type: "button", textContent: data.labels[id], onclick: () => choose(id) }));

function aboutValue(id, value) {
  const { measured, numbers } = value.frames[Math.min(state.step, value.frames.length - 1)];
  const [low, high, average, norm] = measured.map(figure);
  const operations = Object.keys(data.operations);
  const makers = operations.filter((operation) => data.operations[operation].output === id);
  const readers = operations.filter((operation) => data.operations[operation].inputs.includes(id));
  const other = (here, there) => data.recurrences.filter((pair) => pair[here] === id).map((pair) => pair[there]);
  const facts = [
    ["shape", sizes(value.shape), ...(value.state ? [` (what others read of its ${value.state})`] : [])],
    ["min, max", `${low}, ${high}`],
    ["mean", average],
    ["norm", norm],
    ["made by", ...jumps(makers)],
    ["one step ago", ...jumps(other(1, 0))],
    ["read by", ...jumps(readers)],
    ["next step's", ...jumps(other(0, 1))],
  ];
  return [facts, heat(value, numbers)];
}

function aboutOperation({ equation, name, place, link, parameters, inputs, output }) {
  const file = link ? make("a", { href: link, textContent: place, rel: "noreferrer" }) : place;
  const total = parameters.reduce((sum, [, , size]) => sum + size, 0);
  const rows = parameters.map(([parameter, shape, size]) => [parameter, sizes(shape), count(size)]);
  const facts = [
    ["equation", ...(equation ? [make("code", { textContent: equation })] : [])],
    ["class", make("code", { textContent: name })],
    ["file", ...(place ? [make("code", {}, file)] : [])],
    ["reads", ...jumps(inputs)],
    ["makes", ...jumps([output])],
    ["parameters", total ? count(total) : "none"],
  ];
  return [facts, total ? [make("table", {}, ...table(["parameter", "shape", "numbers"], rows))] : []];
}

/** The kept numbers of a value as a field of cells; the mouse and arrow keys move a cursor in it that tells one. */
function heat(value, numbers) {
  const [rows, columns] = [numbers.length, numbers[0].length];
  const scale = value.shares ? 1 : Math.max(...value.frames.flatMap(({ measured: [low, high] }) => [Math.abs(low), Math.abs(high)]));
  const field = shape("svg", { class: "heat", viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none" });
  const cells = numbers.flatMap((row, y) =>
    row.map((number, x) => {
      const rect = shape("rect", { x, y, width: 1, height: 1 });
      colour(rect, number, scale);
      return rect;
    }),
  );
  const cursor = shape("rect", { class: "cursor", width: 0, height: 1 });
  field.append(...cells, cursor);
  field.setAttribute("tabindex", 0);
  field.style.height = `${rows * 0.9}rem`;
  field.setAttribute("aria-label", `its numbers, between ${figure(-scale)} and ${figure(scale)}; arrow keys tell each`);
  const told = make("p", { className: "note", role: "status", textContent: "Rest on a cell for its number." });
  let [r, c] = [0, 0];
  const tell = (row, column) => {
    [r, c] = [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
    for (const [name, at] of Object.entries({ x: c, y: r, width: 1 })) cursor.setAttribute(name, at);
    told.textContent = `${rows > 1 ? `row ${r + 1}, ` : ""}number ${c + 1}: ${figure(numbers[r][c])}`;
  };
  field.onpointermove = ({ clientX, clientY }) => {
    const { left, top, width, height } = field.getBoundingClientRect();
    tell(Math.floor(((clientY - top) / height) * rows), Math.floor(((clientX - left) / width) * columns));
  };
  field.onkeydown = (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    tell(r + ARROWS[event.key][0], c + ARROWS[event.key][1]);
  };
  const wholeRows = value.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const cut = (kept, whole, what) => (kept < whole ? [note(`first ${count(kept)} of ${count(whole)} ${what}`)] : []);
  const numbersCut = cut(columns, value.shape.at(-1), rows > 1 ? "numbers a row" : "numbers");
  return [field, told, ...cut(rows, wholeRows, "rows"), ...numbersCut];
}

// ----------------------------------------------------------------------------------------------- what else was likely

function drawLikely() {
  const { likely, chosen } = data.steps[state.step];
  const rows = likely.map(([name, probability]) => {
    const bar = make("span", { className: "bar" }), text = line(name);
    bar.style.setProperty("--weight", probability ?? 0);
    text.classList.toggle("shown", name === chosen);
    return [text, figure(probability), bar];
  });
  $("likely").querySelector("table").replaceChildren(...table(["symbol", "probability", ""], rows));
}

function drawBeam() {
  const done = data.steps.findLastIndex(({ beam }) => beam.length); // the search may need fewer steps than the decode
  const at = Math.min(state.step, done);
  const shown = data.steps.slice(0, at + 1).map((step) => step.chosen);
  const isShown = ({ symbols, length }) => length === at + 1 && symbols.join() === shown.slice(-symbols.length).join();
  const rows = data.steps[at].beam.map((hypothesis) => {
    const text = line(...(hypothesis.length > hypothesis.symbols.length ? ["…"] : []), ...hypothesis.symbols);
    text.classList.toggle("shown", isShown(hypothesis));
    return [text, figure(hypothesis.score), hypothesis.ended ? "ended" : ""];
  });
  const [title, list, words] = ["h2", "table", "p"].map((tag) => $("beam").querySelector(tag));
  title.textContent = `Beam of ${data.beam}, after step ${at + 1}`;
  list.replaceChildren(...table(["text so far", "log-probability", ""], rows));
  const found = data.steps[at].beam.some(isShown) ? "Bold" : "Not among them";
  words.textContent = `${found}: the greedy decode, which this page shows.`;
  if (at < state.step) words.textContent = `The search was done after step ${at + 1}.`;
}

// ----------------------------------------------------------------------------------------------- going through it

function go(step) {
  state.step = Math.max(0, Math.min(last, step));
  for (const draw of [drawReader, drawMatrix, drawDiagram, drawLikely, drawBeam]) draw();
  if (state.chosen in data.values) drawDetails();
}

let playing = null;

function play() {
  clearInterval(playing);
  playing = playing === null ? setInterval(() => (state.step < last ? go(state.step + 1) : play()), 900) : null;
  $("play").textContent = playing === null ? "Play" : "Pause";
  if (playing !== null && state.step === last) go(0);
}

function prepareTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)"), { dataset } = document.documentElement;
  const isDark = () => (dataset.theme ? dataset.theme === "dark" : system.matches);
  const name = () => ($("theme").textContent = isDark() ? "Light" : "Dark");
  system.onchange = name;
  $("theme").onclick = () => {
    dataset.theme = isDark() ? "light" : "dark";
    name();
  };
  name();
}

function prepareAttention() {
  const heads = looked ? data.weights[0].length : 0;
  const each = Array.from({ length: heads }, (_, k) => new Option(`head ${k + 1}`, k));
  $("heads").hidden = heads < 2;
  $("head").append(new Option(`the mean of ${heads} heads`, ""), ...each);
  $("head").onchange = ({ target }) => {
    state.head = target.value === "" ? null : Number(target.value);
    drawReader();
    drawMatrix();
  };
  $("matrix").onpointerleave = dim;
  $("matrix").addEventListener("focusout", dim);
}

function prepare() {
  const sizes = `${count(data.positions.length)} positions and writes ${count(last + 1)} symbols`;
  const end = `${data.ended ? "" : ", and is cut off there"}${data.lacking && `; ${data.lacking}`}`;
  $("subtitle").textContent = `${data.name} reads ${sizes}${end}`;
  $("source").append(...data.positions.map(sourceToken));
  $("target").append(...data.steps.map(({ chosen }, i) => targetToken(chosen, i)));
  for (const id of ["source", "target"]) rove($(id), [[...$(id).children]]);
  $("step").max = last + 1;
  $("step").oninput = () => go(Number($("step").value) - 1);
  $("play").onclick = play;
  document.addEventListener("keydown", (event) => {
    const isTaken = event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && !isTaken && !event.target.closest("input, select, #facts")) go(state.step + by);
  });
  prepareTheme();
  prepareAttention();
  prepareDiagram();
  choose(state.chosen);
  dim();
  go(0);
}

prepare();
