// A sound as it is seen and heard: spectrogram, detections over it, waveform, playback and its loop.

import WaveSurfer from "/wavesurfer/wavesurfer.esm.js";

const WAVE_HEIGHT = 56; // pixels
const FIT_S = 40; // sounds up to so long are shown whole at first
const FIRST_ZOOM = 30; // pixels per second of longer ones
const MOST_ZOOM = 400;
const AXIS_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600]; // seconds
const CHIP = 22; // pixels: height of a label
// from silence to the loudest; ink on paper, and embers
const SHADES = {
  light: ["#ffffff", "#e3eef0", "#9fc3cf", "#4a7f9b", "#1d3f63", "#081427"],
  dark: ["#0b0d12", "#231a3b", "#5b2a63", "#ab3f5c", "#ee8a4a", "#fff3c4"],
};

export const clock = (seconds, decimals = 1) => {
  const [whole, part] = Math.max(0, seconds).toFixed(decimals).split(".");
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const head = hours ? `${hours}:${two(minutes % 60)}` : `${minutes}`;
  return `${head}:${two(whole % 60)}${part ? `.${part}` : ""}`;
};

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// 256 colours between those given, as red, green, blue, red, ...
function palette(names) {
  const stops = names.map((name) => [1, 3, 5].map((i) => parseInt(name.slice(i, i + 2), 16)));
  return Uint8Array.from({ length: 768 }, (_, k) => {
    const place = (Math.floor(k / 3) / 255) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const [a, b] = [stops[first][k % 3], stops[first + 1][k % 3]];
    return Math.round(a + (b - a) * (place - first));
  });
}

export class SoundView {
  // `told` has `time(seconds)`, `playing(is)`, `loop(detection or null)`, `unplayable()`.
  constructor(root, nonce, told) {
    const part = (id) => root.querySelector(`#${id}`);
    Object.assign(this, { told, nonce, spectrogram: part("spectrogram"), canvas: part("canvas") });
    Object.assign(this, { layer: part("boxes"), head: part("playhead"), container: part("waveform") });
    this.detections = [];
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.recolour());
    new ResizeObserver(() => this.draw()).observe(this.spectrogram);
    this.spectrogram.addEventListener("click", (event) => {
      const place = event.clientX - this.spectrogram.getBoundingClientRect().left;
      this.seek(this.timeAt(place), true);
    });
    this.spectrogram.addEventListener("wheel", (event) => {
      const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
      if (!by || !this.player) return;
      event.preventDefault();
      this.player.setScroll(this.player.getScroll() + by);
    }, { passive: false });
  }

  show(blob, answer, detections) {
    this.close();
    const { picture, duration_s } = answer;
    Object.assign(this, { picture, duration_s, detections, loop: null, scroll: 0 });
    this.shades = bytes(picture.shades);
    const peaks = Float32Array.from(bytes(picture.peaks), (peak) => peak / 255);
    this.player = WaveSurfer.create({
      container: this.container, height: WAVE_HEIGHT, cspNonce: this.nonce, cursorWidth: 2,
      cursorColor: "#e4572e", autoScroll: true, autoCenter: false, dragToSeek: true, ...this.colours(),
    });
    this.url = URL.createObjectURL(blob);
    this.player.on("timeupdate", (seconds) => this.at(seconds));
    this.player.on("play", () => this.told.playing(true));
    this.player.on("pause", () => this.told.playing(false));
    this.player.on("finish", () => this.loop && this.repeat());
    this.player.on("interaction", () => this.setLoop(null));
    this.player.on("scroll", (a, b, left) => { this.scroll = left; this.draw(); });
    for (const event of ["zoom", "redraw", "ready"]) this.player.on(event, () => this.draw());
    this.player.on("error", () => this.told.unplayable());
    // with the waveform given, the browser does not decode the whole sound for it
    this.player.load(this.url, [peaks], duration_s).catch(() => {});
    this.layer.replaceChildren(...this.boxes());
    this.zoom(duration_s > FIT_S ? FIRST_ZOOM : 0);
    this.draw();
    this.at(0);
  }

  close() {
    this.player?.destroy();
    this.player = null;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  // ---- time and place

  get width() { return this.spectrogram.clientWidth; }

  get perSecond() { return Math.max(this.least, this.width / this.duration_s); }

  timeAt(place) { return Math.min(this.duration_s, Math.max(0, (place + this.scroll) / this.perSecond)); }

  // Pixels per second, 0: the whole sound.
  zoom(perSecond) {
    this.least = perSecond;
    if (this.player?.getDecodedData()) this.player.zoom(perSecond);
    else this.player?.setOptions({ minPxPerSec: perSecond });
    this.draw();
  }

  // A share in 0 to 1 of the way from the whole sound to the closest look.
  zoomBy(share) {
    const least = this.width / this.duration_s;
    this.zoom(share === 0 ? 0 : least * (Math.max(MOST_ZOOM, 2 * least) / least) ** share);
  }

  get zoomShare() {
    const least = this.width / this.duration_s;
    return this.least <= least ? 0 : Math.log(this.least / least) / Math.log(Math.max(MOST_ZOOM, 2 * least) / least);
  }

  // ---- playback

  toggle() { this.player?.playPause().catch(() => this.told.unplayable()); }

  seek(seconds, endsLoop) {
    if (!this.player) return;
    if (endsLoop) this.setLoop(null);
    this.player.setTime(seconds);
    this.at(seconds);
  }

  setLoop(detection) {
    this.loop = detection;
    for (const one of this.detections) one.box?.classList.toggle("looped", one === detection);
    this.told.loop(detection);
  }

  playLoop(detection) {
    this.setLoop(detection);
    this.player.setScrollTime(Math.max(0, detection.onset - this.width / this.perSecond / 4));
    this.repeat();
  }

  repeat() {
    this.player.setTime(this.loop.onset);
    this.player.play().catch(() => this.told.unplayable());
  }

  at(seconds) {
    if (this.loop && this.player.isPlaying() && seconds >= Math.min(this.loop.offset, this.duration_s - 0.01)) {
      this.player.setTime(this.loop.onset);
      return;
    }
    this.seconds = seconds;
    this.head.style.transform = `translateX(${seconds * this.perSecond - this.scroll - 1}px)`;
    for (const one of this.detections) {
      const now = one.onset <= seconds && seconds < one.offset;
      if (now !== one.now) {
        one.now = now;
        one.box?.classList.toggle("now", now);
        one.row?.classList.toggle("now", now);
      }
    }
    this.told.time(seconds);
  }

  // ---- drawing

  boxes() {
    const free = []; // per lane of labels: when it is free again
    return this.detections.filter((one) => !one.whole).map((one) => {
      const lane = free.findIndex((end) => end <= one.onset);
      const own = lane < 0 ? free.length : lane;
      free[own] = one.offset;
      one.box = document.createElement("div");
      one.box.className = "box";
      one.box.style.setProperty("--colour", one.colour);
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.textContent = one.name;
      chip.style.marginTop = `${(own % 6) * CHIP}px`;
      chip.title = `${one.name}, ${clock(one.onset)} to ${clock(one.offset)}, score ${one.score.toFixed(2)}`;
      one.box.append(chip);
      chip.addEventListener("click", (event) => { event.stopPropagation(); this.playLoop(one); });
      return one.box;
    });
  }

  colours() {
    const dark = this.dark.matches;
    return { waveColor: dark ? "#7f8e88" : "#8a968f", progressColor: dark ? "#6fcfb4" : "#1f6f5c" };
  }

  recolour() {
    this.player?.setOptions(this.colours());
    this.draw();
  }

  draw() {
    if (!this.player || !this.width) return;
    const { perSecond } = this;
    this.layer.style.width = `${this.duration_s * perSecond}px`;
    this.layer.style.transform = `translateX(${-this.scroll}px)`;
    for (const one of this.detections) {
      if (!one.box) continue;
      one.box.style.left = `${one.onset * perSecond}px`;
      one.box.style.width = `${(Math.min(one.offset, this.duration_s) - one.onset) * perSecond}px`;
    }
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.spectrogram.clientHeight * ratio)];
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const { n_columns, n_bands, columns_per_s, top_hz } = this.picture;
    const colours = palette(SHADES[this.dark.matches ? "dark" : "light"]);
    const image = new ImageData(width, n_bands);
    for (let x = 0; x < width; x++) {
      const first = Math.floor(((x / ratio + this.scroll) / perSecond) * columns_per_s);
      const last = Math.max(first + 1, Math.floor((((x + 1) / ratio + this.scroll) / perSecond) * columns_per_s));
      for (let band = 0; band < n_bands; band++) {
        let shade = 0;
        for (let k = first; k < last && k < n_columns; k++) shade = Math.max(shade, this.shades[k * n_bands + band]);
        const place = 4 * ((n_bands - 1 - band) * width + x);
        for (let c = 0; c < 3; c++) image.data[place + c] = colours[3 * shade + c];
        image.data[place + 3] = 255;
      }
    }
    const small = new OffscreenCanvas(width, n_bands);
    small.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(small, 0, 0, width, height);
    this.drawAxes(context, ratio, perSecond, top_hz);
    this.head.style.transform = `translateX(${(this.seconds ?? 0) * perSecond - this.scroll - 1}px)`;
  }

  drawAxes(context, ratio, perSecond, top_hz) {
    const height = this.spectrogram.clientHeight;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const dark = this.dark.matches;
    const write = (text, x, y) => {
      context.lineWidth = 3;
      context.strokeStyle = dark ? "#0b0d12" : "#ffffff";
      context.fillStyle = dark ? "#e9eeeb" : "#1d2321";
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    const step_hz = [500, 1000, 2000, 5000, 10000, 20000, 50000].find((step) => top_hz / step <= 6) ?? 100000;
    for (let hz = step_hz; hz < 0.97 * top_hz; hz += step_hz) {
      const y = height * (1 - hz / top_hz);
      context.fillStyle = dark ? "#ffffff55" : "#00000044";
      context.fillRect(0, y, 5, 1);
      write(`${hz / 1000} kHz`, 8, y);
    }
    context.textAlign = "center";
    const step_s = AXIS_STEPS.find((step) => step * perSecond >= 80) ?? 1800;
    const first = Math.floor(this.scroll / perSecond / step_s) + 1;
    for (let k = first; k * step_s * perSecond - this.scroll < this.width - 20; k++) {
      const x = k * step_s * perSecond - this.scroll;
      context.fillStyle = dark ? "#ffffff55" : "#00000044";
      context.fillRect(x, height - 5, 1, 5);
      if (x > 56) write(clock(k * step_s, step_s < 1 ? 1 : 0), x, height - 12);
    }
    context.textAlign = "start";
  }
}
