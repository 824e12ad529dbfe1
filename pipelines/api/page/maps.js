"use strict";
// Concept maps over the picture: hue and outline say which way a place speaks, so that grey print tells it, too.
const SMALL = 192; // pixels of a map in its row, and of one that is enlarged
const LARGE = 720;
const STRONGEST = 0.75; // opacity, so that the picture stays to be seen
const MARKED = 0.4; // share of the largest value from which a place is outlined
const FOR = [25, 194, 174];
const AGAINST = [255, 93, 151];
const ROWS = ["upper", "middle", "lower"];
const COLUMNS = ["left", "centre", "right"];

// What /v1/maps said of an image, ready to be drawn; `picture` is loaded.
async function readMaps(found) {
  const picture = new Image();
  picture.src = "data:image/jpeg;base64," + found.picture;
  await picture.decode();
  const values = new Map(found.concepts.map((each) => [each.id, each.values]));
  let largest = 0;
  for (const each of values.values()) for (const value of each) largest = Math.max(largest, Math.abs(value));
  return { picture, values, largest, rows: found.rows, columns: found.columns };
}

function drawMap(canvas, maps, id, size) {
  const { width, height } = maps.picture;
  const scale = size / Math.max(width, height);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.drawImage(maps.picture, 0, 0, canvas.width, canvas.height);
  if (!maps.largest) return;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(tinted(maps, id), 0, 0, canvas.width, canvas.height);
  for (const sign of [1, -1]) outline(pen, maps, id, sign);
}

// One pixel a cell; the browser smooths it when it is laid over the picture.
function tinted({ values, largest, rows, columns }, id) {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pen = small.getContext("2d"), cells = pen.createImageData(columns, rows);
  values.get(id).forEach((value, place) => {
    const alpha = 255 * STRONGEST * Math.abs(value) / largest;
    cells.data.set([...(value > 0 ? FOR : AGAINST), alpha], 4 * place);
  });
  pen.putImageData(cells, 0, 0);
  return small;
}

// Around the strong places: a whole line where they speak for the concept, a dashed one where against.
function outline(pen, { values, largest, rows, columns }, id, sign) {
  const { width, height } = pen.canvas, across = width / columns, down = height / rows;
  const strong = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns &&
    sign * values.get(id)[row * columns + column] >= MARKED * largest;
  const path = new Path2D();
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column <= columns; column++) {
      if (strong(row, column) !== strong(row - 1, column)) line(path, column * across, row * down, across, 0);
      if (strong(row, column) !== strong(row, column - 1)) line(path, column * across, row * down, 0, down);
    }
  }
  const thick = Math.max(width, height) / 160;
  pen.setLineDash(sign > 0 ? [] : [4 * thick, 3 * thick]);
  for (const [colour, factor] of [["#000", 2.4], ["#fff", 1.2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = factor * thick;
    pen.stroke(path);
  }
}

function line(path, x, y, across, down) {
  path.moveTo(x, y);
  path.lineTo(x + across, y + down);
}

// In words what the drawing shows.
function placesOf({ values, rows, columns, largest }, id) {
  const found = values.get(id), said = [];
  for (const [sign, word] of [[1, "for"], [-1, "against"]]) {
    let best = 0;
    found.forEach((value, place) => { if (sign * value > sign * found[best]) best = place; });
    if (sign * found[best] < MARKED * largest) continue;
    const row = ROWS[Math.floor(3 * Math.floor(best / columns) / rows)];
    const column = COLUMNS[Math.floor(3 * (best % columns) / columns)];
    said.push(word + " it most in the " + row + " " + column);
  }
  return said.length ? "Speaks " + said.join(", ") + " of the picture." : "Nowhere speaks strongly for it or against it.";
}
