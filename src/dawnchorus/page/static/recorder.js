// The microphone as a WAV file of 16 bits: the formats that browsers record in are made for speech.

const BLOCK = 16384; // samples of a block: the audio thread sends 128 at a time

export class Recorder {
  // `heard(seconds, level)` is told how it goes, `full()` when no more is taken.
  constructor(longest_s, heard, full) {
    Object.assign(this, { longest_s, heard, full, blocks: [], n: 0 });
  }

  async start() {
    // what makes speech clear takes birds for noise
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: { ...plain, channelCount: 1 } });
    this.context = new AudioContext();
    this.most = this.longest_s * this.context.sampleRate;
    await this.context.audioWorklet.addModule("/capture.js");
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(this.node);
  }

  take(samples) {
    if (!this.block || this.used + samples.length > BLOCK) {
      if (this.block) this.blocks.push(this.block.subarray(0, this.used));
      this.block = new Int16Array(BLOCK);
      this.used = 0;
    }
    let level = 0;
    for (const sample of samples) {
      level = Math.max(level, Math.abs(sample));
      this.block[this.used++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
    }
    this.n += samples.length;
    this.heard(this.n / this.context.sampleRate, level);
    if (this.n >= this.most) this.full();
  }

  async stop() {
    for (const track of this.stream.getTracks()) track.stop();
    this.node.port.onmessage = null;
    if (this.block) this.blocks.push(this.block.subarray(0, this.used));
    const rate = this.context.sampleRate;
    await this.context.close();
    return new Blob([header(this.n, rate), ...this.blocks], { type: "audio/wav" });
  }
}

function header(n, rate) {
  const view = new DataView(new ArrayBuffer(44));
  const text = (place, letters) => [...letters].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * n, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * n, true);
  return view.buffer;
}

// Named for the moment, as recorders do it: tables then have the time of each detection.
export function nameOfNow(now = new Date()) {
  const two = (n) => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${day}_${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}.wav`;
}
