/** Talking to the server. */

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
    /** @type {Record<string, string>} */
    this.headers = { "X-Cellwright-Token": token };
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
    const address = `/api/${path}${query ? `?${asked}` : ""}`;
    let response;
    try {
      response = await fetch(address, { ...request, headers: this.headers });
    } catch {
      throw new Error("The program does not answer. Is it still running in the terminal?");
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new Error(told.error ?? `The program failed (${response.status}); its terminal says more.`);
  }
}
