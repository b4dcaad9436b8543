// A system in Node (18 or newer), without a package, written from docs/partners/ alone.
//
//     node client.mjs BASE_URL SANDBOX_JSON [v1] [v2]
//
// SANDBOX_JSON is what `manage sandbox-keys --json` printed, of an institution or (`--platform`) of a platform. It calls
// everything that the conformance page asks for, says a line for each, and ends with 1 where anything was not as the
// contract says.

import { readFileSync } from "node:fs";
import { speakSelling } from "./selling.mjs";
import { speakV1 } from "./v1.mjs";
import { speakV2 } from "./v2.mjs";

class Report {
  surpriseCount = 0;

  see(check, tried, isAsPromised, seen = "") {
    const line = `${isAsPromised ? "ok      " : "SURPRISE"}  ${check.padEnd(32)} ${tried}`;
    console.log(isAsPromised ? line : `${line}: ${typeof seen === "string" ? seen : JSON.stringify(seen)}`);
    if (!isAsPromised) this.surpriseCount += 1;
  }
}

const [base, file, ...generations] = process.argv.slice(2);
const access = JSON.parse(readFileSync(file, "utf-8"));
const report = new Report();
const address = base.replace(/\/$/, "");
const isAsked = (generation) => generations.length === 0 || generations.includes(generation);
if (access.kind === "platform") {
  await speakSelling(address, access, report);
} else {
  // The codes of v1's dated sessions are for now: v2 moves the clock.
  if (isAsked("v1")) await speakV1(address, access, report);
  if (isAsked("v2")) await speakV2(address, access, report);
}
console.log(`${report.surpriseCount} surprises`);
process.exit(report.surpriseCount ? 1 : 0);
