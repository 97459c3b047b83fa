/** Talking to the server. */

const TOKEN = "X-Cellwright-Token";

/**
 * @typedef {{name: string, dtype: string, rgb: boolean, channels: string[], frames: number,
 *   planes: number, levels: [number, number][], pixel_size: [number, number] | null, tile: number,
 *   apron: number, can_undo: boolean, can_redo: boolean, edit: number,
 *   marks: string[], proposals: {state: string}, file: string}} ImageFacts The file is that of its labels.
 * @typedef {[number[], number, number, number, number]} Box place, y, x, height, width
 * @typedef {{edit: number, boxes: Box[], facts: import("./object_classes.js").Fact[], can_undo: boolean, can_redo: boolean}} Changed
 */

export class Api {
  /** @param {string} token */
  constructor(token) {
    this.token = token;
    /** @type {Record<string, string>} */
    this.headers = {};
    /** @type {(() => void)[]} Told that the program was started again: it knows what is on the disk, and no more. */
    this.restarted = [];
  }

  /** Ask in the name of a person from now on. @param {string} name */
  as(name) {
    this.headers["X-Cellwright-Person"] = encodeURIComponent(name);
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   * @returns {Promise<any>}
   */
  async get(path, query) {
    return (await this.#fetch(path, query)).json();
  }

  /**
   * The bytes of a tile, or null where there is only background.
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   * @returns {Promise<ArrayBuffer | null>}
   */
  async bytes(path, query) {
    const response = await this.#fetch(path, query);
    return response.status === 204 ? null : response.arrayBuffer();
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async post(path, body = {}) {
    const request = { method: "POST", body: JSON.stringify(body) };
    return (await this.#fetch(path, undefined, request)).json();
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   * @param {RequestInit} [request]
   */
  async #fetch(path, query, request) {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) asked.set(name, String(value));
    const response = await this.#answer(`/api/${path}${query ? `?${asked}` : ""}`, request);
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new Error(told.error ?? `The program failed (${response.status}); its terminal says more.`);
  }

  /** What the program answers, also where it was started again since it was asked before. @param {string} address @param {RequestInit} [request] */
  async #answer(address, request) {
    try {
      const [response, sealed] = await this.#send(address, request);
      const again = response.status === 403 && (await this.#isRestarted(sealed));
      return again ? (await this.#send(address, request))[0] : response;
    } catch {
      throw new Error("The program does not answer. Is it still running in the terminal? Once it is started again, this page goes on.");
    }
  }

  /** @param {string} address @param {RequestInit} [request] @returns {Promise<[Response, string]>} The answer, and the seal it was asked with. */
  async #send(address, request) {
    const sealed = await (this.#sealed ??= this.#seal());
    return [await fetch(address, { ...request, headers: { ...this.headers, [TOKEN]: sealed } }), sealed];
  }

  /** Whether a seal was refused that was good for an earlier start of the program. @param {string} refused */
  async #isRestarted(refused) {
    if ((await this.#sealed) === refused) this.#sealed = this.#seal();
    return (await this.#sealed) !== refused;
  }

  async #seal() {
    try {
      const sealed = await seal(this.token);
      if (this.#last && this.#last !== sealed) for (const told of this.restarted) told();
      return (this.#last = sealed);
    } catch (error) {
      this.#sealed = null; // the next request tries again
      throw error;
    }
  }

  /** @type {Promise<string> | null} */
  #sealed = null;
  #last = "";
}

/**
 * What proves that one knows the token, to the program as it was started this time: while it is not running, others may
 * listen in its place. Where browsers have no cryptography, as on pages from other computers, it is the token itself.
 * @param {string} token
 */
async function seal(token) {
  if (!window.isSecureContext || !token) return token;
  /** @type {{start: string}} */
  const { start } = await (await fetch("/start")).json();
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", text.encode(token), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const sealed = new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(start)));
  return [...sealed].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
