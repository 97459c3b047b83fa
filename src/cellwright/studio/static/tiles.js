/** Tiles of images and labels: fetched when they are seen, kept while there is room. */

const AT_ONCE = 6;
const ROOM = 320; // tiles

/**
 * @typedef {{kind: "pixels" | "labels" | "proposals" | "preview", level: number, channel: number, t: number,
 *   z: number, row: number, column: number}} TileId
 * @typedef {{id: TileId, texture: WebGLTexture | null, ready: boolean, stale: boolean,
 *   asked: number, used: number, failed: boolean}} Tile
 */

/** @param {TileId} id */
const keyOf = (id) => `${id.kind} ${id.level} ${id.channel} ${id.t} ${id.z} ${id.row} ${id.column}`;

export class Tiles {
  /**
   * @param {(id: TileId) => Promise<WebGLTexture | null>} load
   * @param {(texture: WebGLTexture) => void} drop
   * @param {(id?: TileId) => void} arrived Called when there is more to draw: a tile, if one has arrived.
   */
  constructor(load, drop, arrived) {
    this.load = load;
    this.drop = drop;
    this.arrived = arrived;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Tile[]} */
    this.queue = [];
    this.running = 0;
    this.frame = 0;
    this.round = 0;
    /** @type {(error: Error) => void} */
    this.onerror = () => {};
  }

  /** Begin a frame: what is not asked for in it need not be fetched. */
  begin() {
    this.frame++;
    this.queue = [];
  }

  /**
   * A tile that is wanted in this frame; null until it is there.
   * @param {TileId} id
   * @returns {Tile | null}
   */
  want(id) {
    const key = keyOf(id);
    let tile = this.tiles.get(key);
    if (!tile) {
      tile = { id, texture: null, ready: false, stale: true, asked: 0, used: 0, failed: false };
      this.tiles.set(key, tile);
    }
    tile.used = this.frame;
    if (tile.stale && !tile.failed) this.queue.push(tile);
    return tile.ready ? tile : null;
  }

  /** A tile that may be drawn for want of a better one. @param {TileId} id */
  peek(id) {
    const tile = this.tiles.get(keyOf(id));
    if (!tile?.ready) return null;
    tile.used = this.frame;
    return tile;
  }

  /** End a frame: fetch what was wanted, coarse tiles first. @returns {boolean} Whether all was there. */
  end() {
    this.queue.sort((a, b) => b.id.level - a.id.level);
    const complete = this.queue.length === 0 && this.running === 0;
    this.#next();
    this.#makeRoom();
    return complete;
  }

  /** Fetch tiles anew, showing the old ones until then. @param {(id: TileId) => boolean} which */
  refresh(which) {
    for (const tile of this.tiles.values()) {
      if (!which(tile.id)) continue;
      tile.stale = true;
      tile.failed = false;
      tile.asked++; // an answer that is on its way is too old
    }
    this.arrived();
  }

  /** Forget everything. */
  clear() {
    for (const tile of this.tiles.values()) if (tile.texture) this.drop(tile.texture);
    this.tiles.clear();
    this.queue = [];
    this.round++;
  }

  #next() {
    while (this.running < AT_ONCE && this.queue.length) {
      const tile = /** @type {Tile} */ (this.queue.shift());
      if (tile.stale) this.#fetch(tile);
    }
  }

  /** @param {Tile} tile */
  async #fetch(tile) {
    const round = this.round;
    const asked = ++tile.asked;
    tile.stale = false;
    this.running++;
    try {
      const texture = await this.load(tile.id);
      if (round !== this.round || asked !== tile.asked) {
        if (texture) this.drop(texture);
      } else {
        if (tile.texture) this.drop(tile.texture);
        tile.texture = texture;
        tile.ready = true;
        this.arrived(tile.id);
      }
    } catch (error) {
      tile.failed = true;
      if (round === this.round) this.onerror(/** @type {Error} */ (error));
    }
    this.running--;
    this.#next();
    this.arrived();
  }

  #makeRoom() {
    if (this.tiles.size <= ROOM) return;
    const old = [...this.tiles].filter(([, tile]) => tile.used < this.frame);
    old.sort(([, a], [, b]) => a.used - b.used);
    for (const [key, tile] of old.slice(0, this.tiles.size - ROOM)) {
      if (tile.texture) this.drop(tile.texture);
      tile.asked++;
      this.tiles.delete(key);
    }
  }
}
