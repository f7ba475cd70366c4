// The page: takes a sound, asks the server about it, and shows the answer.

import { Recorder, nameOfNow } from "/recorder.js";
import { SoundView, clock } from "/sound_view.js";

const COLOURS = ["#0072b2", "#c65102", "#00785a", "#a3467a", "#6a51a3", "#8a6d00", "#b3202c", "#3f6f8f"];
const MOST_ROWS = 500; // of the table on the page
const ENDINGS = { csv: ".csv", raven: ".Table.1.selections.txt", audacity: ".txt" };
const METHODS = { temperature: "temperature scaling", platt: "Platt scaling", isotonic: "isotonic regression" };

const part = (id) => document.getElementById(id);
const element = (name, text, className) => {
  const found = document.createElement(name);
  if (text !== undefined) found.textContent = text;
  if (className) found.className = className;
  return found;
};
const nonce = document.querySelector('meta[name="style-nonce"]').content;

let about = null; // what the server says of the model
let sending = null; // the request that is on its way
let recorder = null;
let answer = null;
let looped = null;

const view = new SoundView(document, nonce, {
  time(seconds) {
    const shown = `${clock(seconds)} of ${clock(view.duration_s)}`;
    part("time").textContent = shown;
    part("position").value = seconds;
    part("position").setAttribute("aria-valuetext", shown);
  },
  playing(is) { part("play").textContent = is ? "Pause" : "Play"; },
  loop(detection) {
    looped?.button?.setAttribute("aria-pressed", "false");
    looped = detection;
    looped?.button?.setAttribute("aria-pressed", "true");
    part("unloop").hidden = !looped;
    say(looped ? `Looping ${looped.name}, ${span(looped, " to ")}.` : "");
  },
  unplayable() { fault("This browser does not play this kind of file; its detections stand below all the same."); },
});

const say = (text) => { part("status").textContent = text; };
const fault = (text) => { part("fault").textContent = text; };

// ---- a sound comes in

function take(file, name) {
  if (!file) return;
  fault("");
  if (about && file.size > about.limits.n_bytes) {
    fault(`${name} has ${(file.size / 1e6).toFixed(0)} MB; at most ${about.limits.n_bytes / 1e6} MB are taken: cut it into parts.`);
    return;
  }
  sending?.abort();
  view.close();
  part("result").hidden = true;
  part("working").hidden = false;
  part("progress").removeAttribute("value");
  say(`Sending ${name} …`);
  const request = (sending = new XMLHttpRequest());
  request.open("POST", `/classify?name=${encodeURIComponent(name)}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "text";
  request.upload.onprogress = ({ loaded, total }) => { part("progress").value = loaded / total; };
  request.upload.onload = () => {
    part("progress").removeAttribute("value");
    say(`Listening to ${name} …`);
  };
  const end = (text) => {
    if (sending !== request) return;
    sending = null;
    part("working").hidden = true;
    say("");
    fault(text);
  };
  request.onload = () => {
    if (request.status !== 200) return end(request.responseText || `The server answers with status ${request.status}.`);
    end("");
    show(file, JSON.parse(request.responseText));
  };
  request.onerror = () => end("The server does not answer, or has sent the file away; is it still running?");
  request.onabort = () => end("");
  request.send(file);
}

async function toggleRecording() {
  const button = part("record");
  if (recorder) {
    const ended = recorder;
    recorder = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Record";
    const blob = await ended.stop();
    if (ended.n) take(blob, nameOfNow());
    else fault("The microphone gave no sound.");
    return;
  }
  fault("");
  const longest_s = Math.min(about.limits.longest_s, about.limits.n_bytes / 2 / 192000);
  const started = new Recorder(longest_s, (seconds, level) => {
    button.textContent = `Stop (${clock(seconds, 0)})`;
    part("progress").value = level;
  }, () => toggleRecording());
  try {
    await started.start();
  } catch (error) {
    fault(error.name === "NotAllowedError"
      ? "The microphone is not allowed to this page; allow it in the browser."
      : `The microphone cannot be used (${error.message || error.name}).`);
    return;
  }
  recorder = started;
  button.setAttribute("aria-pressed", "true");
  say("Recording …");
}

// ---- the answer

function show(file, found) {
  answer = found;
  part("result").hidden = false;
  part("name").textContent = `${found.name}, ${clock(found.duration_s)}`;
  part("warnings").replaceChildren(...found.warnings.map((text) => element("li", text)));
  const detections = about.rows === "windows" ? joined(found.detections) : plain(found.detections);
  const colours = new Map();
  for (const one of detections) {
    if (!colours.has(one.name)) colours.set(one.name, COLOURS[colours.size % COLOURS.length]);
    one.colour = colours.get(one.name);
    one.whole = about.rows === "recordings";
  }
  part("spectrogram").setAttribute("aria-label",
    `Spectrogram from 0 to ${(found.picture.top_hz / 1000).toFixed(1)} kHz with ${detections.length} detections, which the table lists`);
  part("position").max = found.duration_s;
  showBest(found.best);
  showDetections(detections, found);
  view.show(file, found, detections);
  part("zoom").value = Math.round(100 * view.zoomShare);
  const best = found.best[0];
  say(`${found.name} is classified: ${detections.length} detections; the best class is ${best[0]} with ${best[1].toFixed(2)}.`);
  part("name").focus({ preventScroll: true });
  part("result").scrollIntoView({ block: "nearest" });
}

// A song's notes last less than a tenth of a second: short detections have another digit.
const span = (one, between) => {
  const decimals = one.offset - one.onset < 1 ? 2 : 1;
  return clock(one.onset, decimals) + between + clock(one.offset, decimals);
};

const plain = (rows) => rows.map(([onset, offset, name, score]) => ({ onset, offset, name, score }));

// Windows of one class that touch or overlap are one detection, with the highest of their scores.
function joined(rows) {
  const open = new Map();
  const found = [];
  for (const one of plain(rows).sort((a, b) => a.onset - b.onset)) {
    const before = open.get(one.name);
    if (before && one.onset <= before.offset + 0.001) {
      before.offset = Math.max(before.offset, one.offset);
      before.score = Math.max(before.score, one.score);
    } else {
      open.set(one.name, one);
      found.push(one);
    }
  }
  return found;
}

function showBest(best) {
  part("best").replaceChildren(...best.map(([name, score]) => {
    const item = element("li");
    const line = element("div", undefined, "line");
    line.append(element("span", name), element("span", score.toFixed(2), "score"));
    const bar = element("div", undefined, "bar");
    const filled = element("div");
    filled.style.width = `${100 * score}%`;
    bar.append(filled);
    item.append(line, bar);
    return item;
  }));
  part("calibration").textContent = about.calibration
    ? `These scores are calibrated (${METHODS[about.calibration] ?? about.calibration}): of recordings like those of the training that score 0.80, about 80 in 100 hold the class.`
    : "These scores are not calibrated: they put the classes in order, and are no probabilities.";
}

function showDetections(detections, found) {
  const how = {
    windows: `Windows whose score reaches the threshold of their class. Those of one class that touch are shown as one with the highest score; the files hold all ${found.detections.length} windows.`,
    events: `Events by the decoding “${about.decoding}”.`,
    recordings: "This model scores recordings as a whole, not parts of them.",
  }[about.rows];
  const scores = about.rows === "recordings" ? "" : " Scores of detections are not calibrated.";
  const none = detections.length ? "" : "No score reaches the threshold of its class. ";
  const hidden = detections.length > MOST_ROWS ? ` The first ${MOST_ROWS} of ${detections.length} are listed.` : "";
  part("how").textContent = none + how + (detections.length ? scores : "") + hidden;
  part("detections-title").textContent = `Detections (${detections.length})`;
  part("table").hidden = !detections.length;
  part("rows").replaceChildren(...detections.slice(0, MOST_ROWS).map((one) => {
    const row = (one.row = element("tr"));
    const button = (one.button = element("button", span(one, " – ")));
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", `Loop ${one.name}, ${span(one, " to ")}`);
    button.addEventListener("click", () => (looped === one ? view.setLoop(null) : view.playLoop(one)));
    const first = element("td");
    first.append(button);
    const name = element("td");
    const dot = element("span", undefined, "dot");
    dot.style.setProperty("--colour", one.colour);
    name.append(dot, one.name);
    row.append(first, name, element("td", one.score.toFixed(2)));
    return row;
  }));
}

function download(kind) {
  const dot = answer.name.lastIndexOf(".");
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([answer.files[kind]], { type: "text/plain;charset=utf-8" }));
  link.download = (dot > 0 ? answer.name.slice(0, dot) : answer.name) + ENDINGS[kind];
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- the model

// who recorded what was downloaded, each with the licence
function recordedBy(corpus) {
  const rows = corpus?.recorded_by ?? [];
  const people = new Set(rows.map(([, , recordist, licence]) => `${recordist} (${licence})`));
  return rows.length ? `${rows.length} recordings by ${[...people].join("; ")}` : "";
}

function tell(found) {
  about = found;
  part("model").textContent = `${found.name}, ${found.classes.length} classes`;
  const { n_bytes, longest_s } = found.limits;
  part("limits").textContent = `WAV, FLAC, mp3, Ogg, M4A, AIFF and others, up to ${n_bytes / 1e6} MB and ${+(longest_s / 60).toFixed(2)} minutes.`;
  const facts = [
    ["Name", found.name],
    ["SHA-256 begins with", found.digest],
    ["Classes", found.classes.join(", ")],
    ["Thresholds", found.threshold_rule],
    ...[found.caveats ?? []].flat().map((text) => ["Caveat", text]),
    ...Object.entries(found.corpora ?? {}).map(([name, one]) =>
      [`Trained on ${name}`, [one?.licence, one?.attribution, recordedBy(one)].filter(Boolean).join(", ") || "no licence named"]),
  ];
  part("facts").replaceChildren(...facts.filter(([, text]) => text).flatMap(([name, text]) =>
    [element("dt", name), element("dd", String(text))]));
  if (!navigator.mediaDevices?.getUserMedia) {
    part("record").disabled = true;
    part("record").title = "Browsers allow the microphone on this machine's own address or over HTTPS alone";
  }
}

// ---- what a person does

part("choose").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  take(file, file?.name);
  target.value = ""; // so that the same file may be chosen again
});
part("record").addEventListener("click", toggleRecording);
part("cancel").addEventListener("click", () => sending?.abort());
part("play").addEventListener("click", () => view.toggle());
part("unloop").addEventListener("click", () => { view.setLoop(null); part("play").focus(); });
part("position").addEventListener("input", ({ target }) => view.seek(Number(target.value), true));
part("zoom").addEventListener("input", ({ target }) => view.zoomBy(target.value / 100));
for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", () => download(button.dataset.format));
}
addEventListener("keydown", (event) => {
  const isFree = !["BUTTON", "INPUT", "SUMMARY", "A"].includes(event.target.tagName);
  if (part("result").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") view.setLoop(null);
  else if (event.key === " " && isFree) { event.preventDefault(); view.toggle(); }
});
let entered = 0; // elements that a dragged file is over
const hasFile = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => { if (hasFile(event)) { entered++; part("veil").hidden = false; } });
addEventListener("dragleave", () => { if (entered && --entered === 0) part("veil").hidden = true; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  entered = 0;
  part("veil").hidden = true;
  const { files } = event.dataTransfer;
  if (files.length > 1) say(`${files.length} files were dropped; the first is taken.`);
  take(files[0], files[0]?.name);
});

fetch("/model").then((response) => response.json()).then(tell)
  .catch(() => fault("The server does not answer; is it still running?"));
