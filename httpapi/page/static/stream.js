// The live stream: samples and alerts as they happen.
import { address } from "./api.js";

// How long the page is out of sight before it gives its stream back: a principal may have
// only a few.
const hiddenFor = 30_000;
// How long to wait before the next try, for the first and for each further one in a row.
const firstWait = 2_000, longestWait = 30_000;

/**
 * Stream keeps an event stream open and opens it again when it breaks. It sends the events
 * "sample", "step" (a sample that was judged), "alert", "missed" (something may have been missed: read it all
 * again) and "state".
 */
export class Stream extends EventTarget {
  state = "connecting"; // or "live", "lost", "hidden", "off"
  lastId = "";
  #source = null;
  #wait = firstWait;
  #timer = 0;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#visibility());
    // A browser keeps a page that one left for a while, with its stream, in case one comes back.
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", () => { if (this.state === "hidden") this.open(); });
  }

  open() {
    this.close();
    this.#set("connecting");
    const source = new EventSource(address("realtime/", { last_event_id: this.lastId || null }), { withCredentials: false });
    this.#source = source;
    const on = (name, f) => source.addEventListener(name, (e) => {
      if (source !== this.#source) return;
      if (e.lastEventId) this.lastId = e.lastEventId;
      f(e);
    });
    on("open", () => {
      this.#wait = firstWait;
      this.#set("live");
    });
    const sample = (e) => this.dispatchEvent(new CustomEvent("sample", { detail: JSON.parse(e.data) }));
    on("metrics", (e) => {
      sample(e);
      this.dispatchEvent(new Event("step"));
    });
    on("live", sample);
    on("alert", (e) => this.dispatchEvent(new CustomEvent("alert", { detail: JSON.parse(e.data) })));
    on("reset", () => this.dispatchEvent(new Event("missed")));
    on("error", () => {
      this.#set("lost");
      // A browser opens a stream again that broke, but not one that was refused.
      if (source.readyState === EventSource.CLOSED) this.#again();
    });
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /** end closes the stream for good. */
  end() {
    this.close();
    this.#set("off");
  }

  #again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, longestWait);
  }

  #visibility() {
    if (this.state === "off") return;
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => this.#leave(), hiddenFor);
    } else if (this.state === "hidden" || this.state === "lost") {
      this.open();
    }
  }

  #leave() {
    if (this.state === "off") return;
    this.close();
    this.#set("hidden");
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
