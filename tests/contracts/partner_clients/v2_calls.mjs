// v2's calls: how they are signed, and how what is refused looks.

import { createHash, createHmac, randomUUID } from "node:crypto";
import { send } from "./answer.mjs";

const PATH = "/api/v2";

export class Caller {
  constructor(base, keyId, secret) {
    Object.assign(this, { base, keyId, secret });
  }

  async call(method, path, fields, { key = randomUUID(), off = 0, forged = false, languages = "id", form = "application/json" } = {}) {
    const body = fields === undefined || typeof fields === "string" ? fields : JSON.stringify(fields);
    const target = PATH + path;
    const stamp = String(Math.floor(Date.now() / 1000) + off);
    const digest = createHash("sha256").update(body ?? "").digest("hex");
    const lines = ["v1", this.keyId, stamp, method, target, method === "GET" ? "" : key, digest];
    let signature = createHmac("sha256", this.secret).update(lines.join("\n")).digest("hex");
    if (forged) signature = signature.slice(0, -1) + (signature.endsWith("0") ? "1" : "0");
    const headers = { "Bekal-Key": this.keyId, "Bekal-Timestamp": stamp, "Bekal-Signature": `v1=${signature}` };
    headers["Accept-Language"] = languages;
    if (body !== undefined) headers["Content-Type"] = form;
    if (method !== "GET") headers["Idempotency-Key"] = key;
    return send(this.base + target, { method, headers, body });
  }

  // Every item of a list, one page after the other.
  async all(path) {
    const items = [];
    let cursor = null;
    do {
      const { json } = await this.call("GET", cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path);
      items.push(...json.items);
      cursor = json.next;
    } while (cursor);
    return items;
  }
}

export const isRefused = ({ status, headers, json }, wanted, code) =>
  status === wanted &&
  headers.get("Content-Type").startsWith("application/problem+json") &&
  json.code === code &&
  json.status === wanted &&
  json.type.endsWith(`/api/v2/problems/${code}`) &&
  Boolean(json.title && json.detail);
