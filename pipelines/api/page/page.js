"use strict";
const at = (id) => document.getElementById(id);
let seen = null; // the prediction of the image as it is
let set = {}; // concepts that the reader has set

function tell(text, bad = false) {
  at("status").textContent = text;
  at("status").className = bad ? "bad" : "";
}

async function ask(path, body, type) {
  const headers = { "Content-Type": type };
  if (at("key").value) headers.Authorization = "Bearer " + at("key").value;
  const answer = await fetch(path, { method: "POST", headers, body });
  const found = await answer.json();
  if (answer.status === 401) at("ask-key").hidden = false;
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

async function predict() {
  const file = at("file").files[0];
  if (!file) return;
  tell("Reading the image …");
  try {
    const type = file.type || (/\.dcm$/i.test(file.name) ? "application/dicom" : "application/octet-stream");
    seen = await ask("v1/predict?split=" + encodeURIComponent(at("split").value), file, type);
  } catch (error) {
    tell(error.message, true);
    return;
  }
  set = {};
  show(seen.probabilities);
  picture(file);
  tell("");
  at("answer").focus();
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
  let probabilities = seen.probabilities;
  if (Object.keys(set).length) {
    const body = JSON.stringify({ scores: seen.scores, set, split: seen.split });
    try {
      probabilities = (await ask("v1/intervene", body, "application/json")).after;
    } catch (error) {
      tell(error.message, true);
      return;
    }
  }
  show(probabilities);
  const changed = Object.keys(set).length;
  tell(changed ? "With " + changed + " concept" + (changed > 1 ? "s" : "") + " set: " + at("answer").textContent : "As seen in the image.");
}

function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

const percent = (value) => (100 * value).toFixed(1) + " %";

function show(probabilities) {
  const [winner] = Object.entries(probabilities).sort((a, b) => b[1] - a[1])[0];
  at("answer").textContent = winner + ", " + percent(probabilities[winner]);
  at("probabilities").replaceChildren(...Object.entries(probabilities).map(([name, value]) => {
    const before = seen.probabilities[name];
    const moved = Math.abs(value - before) > 5e-4 ? " (in the image as it is " + percent(before) + ")" : "";
    return element("li", name + ": " + percent(value) + moved);
  }));
  const focused = document.activeElement && document.activeElement.id;
  const largest = Math.max(...seen.concepts.map((each) => Math.abs(each.amount)), 1e-9);
  at("concepts").replaceChildren(...seen.concepts.map((each) => summand(each, largest)));
  at("reset").disabled = !Object.keys(set).length;
  at("result").hidden = false;
  if (focused && at(focused)) at(focused).focus();
}

function summand(each, largest) {
  const item = element("li", "", each.amount >= 0 ? "for" : "against");
  const top = element("div", "", "top");
  top.append(element("span", each.question), element("span", (each.amount >= 0 ? "+" : "−") + Math.abs(each.amount).toFixed(3), "amount"));
  const bar = element("div", "", "bar"), fill = element("i"), width = 50 * Math.abs(each.amount) / largest;
  bar.setAttribute("aria-hidden", "true");
  fill.style.width = width + "%";
  fill.style.left = (each.amount >= 0 ? 50 : 50 - width) + "%";
  bar.append(fill);
  const choice = element("div", "Seen with " + percent(each.score) + ", usually " + percent(each.usual) + ". ");
  for (const [value, word] of [[true, "yes"], [false, "no"]]) {
    const button = element("button", word);
    button.type = "button";
    button.id = each.id + "-" + word;
    button.setAttribute("aria-pressed", String(set[each.id] === value));
    button.setAttribute("aria-label", each.question + " Set to " + word);
    button.onclick = () => move(each.id, value);
    choice.append(button, " ");
  }
  item.append(top, bar, choice);
  if (each.quote) item.append(element("blockquote", "“" + each.quote + "”"));
  item.append(element("div", each.locator + " · " + each.source + " · " + each.license, "source"));
  return item;
}

at("file").onchange = predict;
at("split").onchange = predict;
at("key").onchange = predict;
at("ask").onsubmit = (event) => event.preventDefault();
at("reset").onclick = () => { set = {}; show(seen.probabilities); tell("As seen in the image."); at("answer").focus(); };
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
