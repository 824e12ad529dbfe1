const at = (id) => document.getElementById(id);
let seen = null; // the prediction of the image as it is
let set = {}; // concepts that the reader has set
let shown = {}; // those of them that the page shows
let turn = 0; // of the latest request; an answer to an earlier one comes too late
let maps = null; // where the concepts are seen in the image
let chosen = 0; // counts the images, so that maps of an earlier one are not shown
const large = new Set(); // concepts whose map is enlarged

function tell(text, bad = false) {
  at("status").textContent = text;
  at("status").className = bad ? "bad" : "";
}

async function ask(path, body, type) {
  const headers = { "Content-Type": type };
  if (at("key").value) headers.Authorization = "Bearer " + at("key").value;
  const answer = await fetch(path, { method: "POST", headers, body });
  const found = await answer.json().catch(() => ({ detail: answer.status + " " + answer.statusText }));
  if (answer.status === 401) at("ask-key").hidden = false;
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

// The answer; nothing where it comes too late, or where there is none, which is said.
async function latest(...question) {
  const mine = ++turn;
  try {
    const found = await ask(...question);
    return mine === turn ? found : null;
  } catch (error) {
    if (mine === turn) {
      set = { ...shown };
      tell(error.message, true);
    }
    return null;
  }
}

async function predict() {
  const file = at("file").files[0];
  turn += 1;
  chosen += 1;
  maps = null;
  large.clear();
  at("legend").hidden = true;
  at("result").hidden = true; // else a failure would leave what is said of another image
  seen = null;
  set = {};
  shown = {};
  tell(file ? "Reading the image …" : "");
  if (!file) return;
  const type = file.type || (/\.dcm$/i.test(file.name) ? "application/dicom" : "application/octet-stream");
  const found = await latest("v1/predict?split=" + encodeURIComponent(at("split").value), file, type);
  if (!found) return;
  seen = found;
  show(seen);
  picture(file);
  tell("");
  at("answer").focus();
  if ("maps" in document.body.dataset) await locate(file, type);
}

// Where the concepts are seen; the prediction does not wait for it.
async function locate(file, type) {
  const mine = chosen;
  at("legend").hidden = false;
  at("legend").textContent = "Looking where the concepts are …";
  try {
    const found = await readMaps(await ask("v1/maps", file, type));
    if (mine !== chosen) return;
    maps = found;
    at("legend").replaceChildren(...legend());
    at("picture").src = maps.picture.src; // a browser shows neither DICOM nor TIFF, and no other orientation
    at("concepts").querySelectorAll("li").forEach(placeMap);
  } catch (error) {
    if (mine === chosen) at("legend").textContent = "Where the concepts are cannot be shown: " + error.message;
  }
}

function legend() {
  return [
    "The maps show what each place adds to the answer of a concept's detector: ",
    element("span", "for it", "key for"), " in green with a whole outline, ",
    element("span", "against it", "key against"), " in pink with a dashed one; the strongest places are outlined. All maps have one scale.",
  ];
}

// Puts the map of a concept into its row, if it is there by now.
function placeMap(item) {
  const figure = item.querySelector("figure"), id = item.dataset.concept;
  if (!maps || !maps.values.has(id)) return;
  const canvas = element("canvas"), button = figure.querySelector("button"), big = large.has(id);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", item.dataset.question + " " + placesOf(maps, id));
  drawMap(canvas, maps, id, big ? LARGE : SMALL);
  figure.className = big ? "big" : "";
  figure.querySelector("canvas").replaceWith(canvas);
  figure.querySelector("figcaption").textContent = placesOf(maps, id);
  button.textContent = big ? "Smaller" : "Larger";
  button.setAttribute("aria-label", button.textContent + " map: " + item.dataset.question);
  button.setAttribute("aria-expanded", String(big));
  figure.hidden = false;
}

function makeFigure(id) {
  const figure = element("figure"), button = element("button", "Larger");
  figure.hidden = true;
  button.type = "button";
  button.id = id + "-map";
  button.onclick = () => {
    if (!large.delete(id)) large.add(id);
    placeMap(figure.closest("li"));
  };
  figure.append(element("canvas"), element("figcaption"), button);
  return figure;
}

function picture(file) {
  const image = at("picture");
  if (image.src) URL.revokeObjectURL(image.src);
  image.hidden = true;
  image.onload = () => { image.hidden = false; };
  image.src = URL.createObjectURL(file);
}

async function move(id, value) {
  if (set[id] === value) delete set[id];
  else set[id] = value;
  if (!Object.keys(set).length) {
    unset();
    return;
  }
  const body = JSON.stringify({ scores: seen.scores, set, split: seen.split });
  const found = await latest("v1/intervene", body, "application/json");
  if (!found) return;
  show({ ...found, probabilities: found.after });
  const changed = Object.keys(set).length;
  tell("With " + changed + " concept" + (changed > 1 ? "s" : "") + " set: " + at("answer").textContent);
}

function unset() {
  turn += 1;
  set = {};
  show(seen);
  tell("As seen in the image.");
}

function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

const percent = (value) => (100 * value).toFixed(1) + " %";
const signed = (value) => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(3);

// A prediction, of the image as it is or with concepts set; the concepts keep the places they had.
function show({ predicted, probabilities, logits, concepts }) {
  shown = { ...set };
  at("answer").textContent = predicted + ", " + percent(probabilities[predicted]);
  at("probabilities").replaceChildren(...Object.entries(probabilities).map(([name, value]) => {
    const before = seen.probabilities[name];
    const moved = Math.abs(value - before) > 5e-4 ? " (in the image as it is " + percent(before) + ")" : "";
    return element("li", name + ": " + percent(value) + moved);
  }));
  const others = Object.keys(logits).filter((name) => name !== predicted);
  at("sum").textContent = "Each concept adds its amount to the score of " + predicted + ", in all " + signed(logits[predicted]) +
    " (" + others.map((name) => name + ": " + signed(logits[name])).join(", ") + "). The probabilities follow from the " +
    "differences between the scores of the classes" + (others.length === 1 ? ": the log odds are " +
    signed(logits[predicted] - logits[others[0]]) + "." : ".");
  const focused = document.activeElement && document.activeElement.id;
  const largest = Math.max(...concepts.map((each) => Math.abs(each.amount)), 1e-9);
  const now = new Map(concepts.map((each) => [each.id, each]));
  at("concepts").replaceChildren(...seen.concepts.map(({ id }) => summand(now.get(id), largest)));
  at("reset").disabled = !Object.keys(set).length;
  at("result").hidden = false;
  if (focused && at(focused)) at(focused).focus();
}

function summand(each, largest) {
  const item = element("li", "", each.amount >= 0 ? "for" : "against");
  item.dataset.concept = each.id;
  item.dataset.question = each.question;
  const top = element("div", "", "top");
  top.append(element("span", each.question), element("span", signed(each.amount), "amount"));
  const bar = element("div", "", "bar"), fill = element("i"), width = 50 * Math.abs(each.amount) / largest;
  bar.setAttribute("aria-hidden", "true");
  fill.style.width = width + "%";
  fill.style.left = (each.amount >= 0 ? 50 : 50 - width) + "%";
  bar.append(fill);
  const choice = element("div", (each.id in set ? "Set to " + percent(each.score) + ", seen" : "Seen") + " with " + percent(seen.scores[each.id]) + ", usually " + percent(each.usual) + ". ");
  for (const [value, word] of [[true, "yes"], [false, "no"]]) {
    const button = element("button", word);
    button.type = "button";
    button.id = each.id + "-" + word;
    button.setAttribute("aria-pressed", String(set[each.id] === value));
    button.setAttribute("aria-label", each.question + " Set to " + word);
    button.onclick = () => move(each.id, value);
    choice.append(button, " ");
  }
  const words = element("div");
  words.append(top, bar, choice);
  if (each.quote) words.append(element("blockquote", "“" + each.quote + "”"));
  const source = element("div", "", "source");
  source.append(...linked(each.locator), " · " + each.source + " · " + each.license);
  if (each.retracted) source.append(" · ", element("strong", "retracted article"));
  words.append(source);
  item.append(words, makeFigure(each.id));
  placeMap(item);
  return item;
}

const ARTICLES = /\b(?:PMID[:\s]*(\d{1,9})|PMC(\d{1,9}))\b/i;

// Where a sentence stands, its number in PubMed or PubMed Central as a link.
function linked(locator) {
  const found = ARTICLES.exec(locator);
  if (!found) return [locator];
  const link = element("a", found[0]), end = found.index + found[0].length;
  link.href = found[1] ? "https://pubmed.ncbi.nlm.nih.gov/" + found[1] + "/" : "https://pmc.ncbi.nlm.nih.gov/articles/PMC" + found[2] + "/";
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return [locator.slice(0, found.index), link, locator.slice(end)];
}

at("file").onchange = predict;
at("split").onchange = predict;
at("key").onchange = predict;
at("ask").onsubmit = (event) => event.preventDefault();
at("reset").onclick = () => { unset(); at("answer").focus(); };
const drop = document.querySelector(".drop");
drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  at("file").files = event.dataTransfer.files;
  predict();
};
