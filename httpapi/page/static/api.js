// Calls of the HTTP API below the address of this page.
import { instance } from "./route.js";

// Calls whose figures may be those of one replica.
const figures = new Set(["dashboard/", "endpoints/", "series/", "trends/", "baseline/", "reports/"]);

/** Problem is an error that the server described. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.parameter = body?.parameter;
    this.missing = body?.missing ?? [];
    this.retryAfter = retryAfter;
    this.signIn = body?.sign_in;
  }
}

/** base is the address of the mount. */
export const base = new URL("./", location.href.split("#")[0]);

/** address is that of a call with its parameters; those that are null are left out. */
export function address(path, params = {}) {
  const url = new URL(path, base);
  if (figures.has(path) && instance()) url.searchParams.set("instance", instance());
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined) url.searchParams.set(key, value);
  }
  return url;
}

/** get reads a call. */
export function get(path, params, signal) { return ask(address(path, params), { signal }); }

/** send changes something. */
export function send(method, path, body, options = {}) {
  return ask(address(path), { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...options });
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The service cannot be reached." });
  }
  if (response.status === 204) return null;
  const kind = response.headers.get("Content-Type") ?? "";
  const body = kind.includes("json") ? await response.json().catch(() => null) : null;
  if (response.ok && body !== null) return body;
  const problem = new Problem(response.status, body, Number(response.headers.get("Retry-After")) || 0);
  if (response.status === 401) dispatchEvent(new CustomEvent("perfmon-signed-out", { detail: problem }));
  throw problem;
}
