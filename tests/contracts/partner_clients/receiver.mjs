// Where webhooks arrive: checked in the layout of Standard Webhooks, and answered 204.

import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

export class Receiver {
  secret = "";
  events = [];
  refusedCount = 0;
  #waiting = new Set();

  async listen() {
    this.server = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.writeHead(this.#take(request.headers, Buffer.concat(parts))).end();
      for (const look of this.#waiting) look();
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}/bekal`;
  }

  #take(headers, body) {
    const { "webhook-id": id = "", "webhook-timestamp": stamp = "", "webhook-signature": given = "" } = headers;
    const key = Buffer.from(this.secret.replace(/^whsec_/, ""), "base64");
    const right = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${stamp}.`).update(body).digest("base64")}`);
    const isOurs = given.split(" ").some((each) => {
      const told = Buffer.from(each);
      return told.length === right.length && timingSafeEqual(told, right);
    });
    if (!isOurs || Math.abs(Number(stamp) - Date.now() / 1000) > 300) {
      this.refusedCount += 1;
      return 401;
    }
    this.events.push({ id, ...JSON.parse(body) });
    return 204;
  }

  // Whether the events came to be so within a minute.
  wait(until) {
    return new Promise((resolve) => {
      const end = (outcome) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(outcome);
      };
      const look = () => until(this.events) && end(true);
      const timer = setTimeout(() => end(false), 60_000);
      this.#waiting.add(look);
      look();
    });
  }
}
