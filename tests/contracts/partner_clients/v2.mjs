// v2, as docs/partners/v2.md and the OpenAPI document describe it.

import { createHash, randomUUID } from "node:crypto";
import { send } from "./answer.mjs";
import { Receiver } from "./receiver.mjs";
import { Caller, isRefused } from "./v2_calls.mjs";

const SUMS = ["escrow_rupiah", "owed_rupiah", "paid_rupiah", "refunded_rupiah"];
const isBalanced = (sums) => sums.price_rupiah === SUMS.reduce((sum, name) => sum + sums[name], 0);

// In an order that leaves the newest key live.
export async function speakV2(base, access, report) {
  const caller = new Caller(base, access.key_id, access.secret);
  const receiver = new Receiver();
  await receiver.listen();
  await sayWho(caller, report);
  const events = ["ping", "purchase.redeemed", "settlement.paid"];
  const webhook = await openWebhook(caller, receiver, events, report);
  await setDates(caller, report);
  const codes = (await caller.call("POST", "/sandbox/codes", { purpose: "self_paced", count: 3 })).json.codes;
  const given = codes.map((line) => line.redeem_code);
  const [purchase, other] = await redeem(caller, access.codes, given, report);
  await beWrong(caller, purchase, report);
  await prove(caller, purchase, report);
  await useOtherDoors(caller, (await caller.call("POST", "/redemptions", { redeem_code: given[2] })).json, report);
  await cancel(caller, other, report);
  await beTold(caller, receiver, "purchase.redeemed", purchase, report);
  await bePaid(caller, receiver, report);
  await leave(caller, webhook, report);
}

// The end of either kind's journey: nothing stays open, the newest key stays live, and everything is green.
export async function leave(caller, webhook, report) {
  const closed = await caller.call("DELETE", `/webhooks/${webhook}`);
  report.see("v2.close_webhook", "DELETE", closed.status === 200 && Boolean(closed.json.closed_at), closed);
  const newer = await rotate(caller, report);
  await hurry(newer, report);
  const { json } = await newer.call("GET", "/sandbox/conformance", undefined, { languages: "en" });
  for (const line of json.checks)
    if (line.code.startsWith("v2.")) report.see(line.code, "green on the conformance page", line.state === "green", line);
}

export async function sayWho(caller, report) {
  let answer = await caller.call("GET", "/me");
  const own = answer.json.keys.filter((line) => line.is_this_key).map((line) => line.key_id);
  report.see("v2.me", "GET /me", answer.json.world === "sandbox" && own.join() === caller.keyId, answer);
  answer = await caller.call("GET", "/me", undefined, { forged: true });
  report.see("v2.refusal.signature", "one character changed", isRefused(answer, 401, "signature_wrong"), answer);
  answer = await caller.call("GET", "/me", undefined, { off: -600 });
  report.see("v2.refusal.timestamp", "ten minutes ago", isRefused(answer, 401, "timestamp_expired"), answer);
}

export async function openWebhook(caller, receiver, events, report) {
  let answer = await caller.call("POST", "/webhooks", { url: receiver.url, events });
  report.see("v2.open_webhook", "POST for three kinds", answer.status === 201 && Boolean(answer.json.secret), answer);
  const { webhook, secret } = answer.json;
  receiver.secret = secret;
  answer = await caller.call("GET", "/webhooks");
  report.see("v2.webhooks", "GET", answer.json.items.some((line) => line.webhook === webhook && line.closed_at === null), answer);
  answer = await caller.call("POST", `/webhooks/${webhook}/pings`);
  report.see("v2.ping_webhook", "POST", answer.status === 202, answer);
  answer = await caller.call("POST", `/webhooks/${webhook}/secrets`);
  const isNew = answer.status === 201 && answer.json.secret !== secret && Boolean(answer.json.old_secret_until_at);
  report.see("v2.change_webhook_secret", "POST", isNew, answer);
  return webhook;
}

async function setDates(caller, report) {
  const trainings = await caller.all("/trainings?limit=1");
  report.see("v2.trainings", "all of them", trainings.length > 1, trainings);
  const codes = new Set(trainings.map((line) => line.code));
  report.see("v2.paging", "page by page, each exactly once", codes.size === trainings.length, trainings);
  const dated = trainings.find((line) => line.sessions.length > 0);
  let answer = await caller.call("GET", `/trainings/${dated.code}`);
  report.see("v2.training", "GET one", answer.json.code === dated.code, answer);
  const last = dated.sessions.at(-1);
  const line = { sequence: last.sequence, starts_at: last.starts_at, ends_at: last.ends_at, place: "Ruang 2" };
  answer = await caller.call("PATCH", `/trainings/${dated.code}/sessions`, { sessions: [line] });
  report.see("v2.set_sessions", "PATCH a place", answer.status === 200 && answer.json.changed_count === 1, answer);
  line.ends_at = new Date(Date.parse(last.starts_at) - 1000).toISOString();
  answer = await caller.call("PATCH", `/trainings/${dated.code}/sessions`, { sessions: [line] });
  report.see("v2.set_sessions", "an end before its start", answer.status === 422, answer);
}

async function redeem(caller, given, [first, second], report) {
  const key = randomUUID();
  const answer = await caller.call("POST", "/redemptions", { redeem_code: first }, { key });
  report.see("v2.redeem_code", "POST", answer.status === 201 && answer.json.state === "redeemed", answer);
  const again = await caller.call("POST", "/redemptions", { redeem_code: first }, { key });
  const isReplayed = again.headers.get("Idempotency-Replayed") === "true" && again.text === answer.text;
  report.see("v2.replay", "the same Idempotency-Key", again.status === 201 && isReplayed, again);
  const reused = await caller.call("POST", "/redemptions", { redeem_code: second }, { key });
  const isNamed = reused.json.differing?.join() === "/body/redeem_code";
  report.see("v2.key_reused", "with another body", isNamed && isRefused(reused, 422, "idempotency_key_reused"), reused);
  const other = await caller.call("POST", "/redemptions", { redeem_code: second });
  for (const [check, redeem_code, status, code] of [
    ["code_not_found", "9999888877776655", 404, "code_not_found"],
    ["code_used", given.used.redeem_code, 409, "code_already_used"],
    ["other_institution", given.elsewhere.redeem_code, 403, "code_of_another_institution"],
  ]) {
    const refused = await caller.call("POST", "/redemptions", { redeem_code });
    report.see(`v2.refusal.${check}`, "POST /redemptions", isRefused(refused, status, code), refused);
  }
  const numbers = (await caller.all("/purchases?limit=2")).map((line) => line.purchase);
  report.see("v2.purchases", "every one of ours", numbers.includes(answer.json.purchase), numbers);
  const one = await caller.call("GET", `/purchases/${answer.json.purchase}`);
  report.see("v2.purchase", "GET one", one.text === answer.text, one);
  return [answer.json.purchase, other.json.purchase];
}

export async function beWrong(caller, purchase, report) {
  const titles = [];
  for (const languages of ["id", "en"]) {
    const answer = await caller.call("POST", "/attendance", { lines: [{ purchase, sequence: "1" }] }, { languages });
    const isPointed = answer.json.errors?.[0].pointer === "/lines/0/sequence";
    report.see("v2.refusal.values", `a text for a number (${languages})`, isPointed && isRefused(answer, 422, "values_invalid"), answer);
    titles.push(answer.json.title);
    if (languages === "id") continue;
    const page = await send(answer.json.type, {});
    const hasBoth = titles.every((title) => page.text.includes(title)) && titles[0] !== titles[1];
    report.see("v2.refusal.values", "its page, in both languages", page.status === 200 && hasBoth, page);
  }
}

async function prove(caller, purchase, report) {
  const mine = async (path, line) => (await caller.call("POST", path, { lines: [{ purchase, ...line }] })).json;
  let answer = await caller.call("GET", "/evidence/owed");
  report.see("v2.evidence_owed", "GET", answer.json.items.some((line) => line.purchase === purchase), answer);
  answer = await mine("/attendance", { sequence: 1 });
  report.see("v2.record_attendance", "POST", answer.recorded_count === 1, answer);
  answer = await mine("/progress", { percent: 80 });
  report.see("v2.record_progress", "POST", answer.recorded_count === 1, answer);
  answer = await mine("/completions", {});
  report.see("v2.record_completion", "POST", answer.recorded_count === 1, answer);
  answer = await caller.call("GET", `/purchases/${purchase}`);
  report.see("v2.record_completion", "completed", answer.json.state === "completed", answer);
  answer = await caller.call("POST", `/purchases/${purchase}/certificate`, { number: "LU-18" });
  report.see("v2.state_own_certificate", "POST", answer.json.repeated === false, answer);
  answer = await caller.call("GET", `/purchases/${purchase}/certificate`);
  report.see("v2.certificate", "GET", answer.status === 200 && answer.json.purchase === purchase, answer);
}

// A purchase of its own is shown by a file and by a learning system's statements.
export async function useOtherDoors(caller, { purchase, training }, report) {
  const rows = `purchase,piece,sequence,percent,happened_at,holds,revision,reason\n${purchase},progress,,70,,true,,\n`;
  const file = `${rows}trailer,1,${purchase},70,${createHash("sha256").update(rows).digest("hex")}\n`;
  let answer = await caller.call("POST", "/evidence-files", file, { form: "text/csv" });
  report.see("v2.send_evidence_file", "POST a CSV", answer.status >= 200 && answer.status < 300, answer);
  const course = `https://lembaga.example/kursus/${training.code}`;
  const places = Array.from({ length: training.session_count }, (_, index) => `${course}/${index + 1}`);
  const units = places.map((place) => `<au id="${place}" moveOn="Passed"><url>${place}</url></au>`).join("");
  const xml = `<courseStructure xmlns="https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd"><course id="${course}"/>${units}</courseStructure>`;
  answer = await caller.call("POST", `/xapi/courses?training=${training.code}`, xml, { form: "application/xml" });
  report.see("v2.register_course", "POST its cmi5.xml", answer.json.units?.every((unit) => unit.is_evidence), answer);
  const { at } = (await caller.call("GET", "/me")).json;
  const statements = places.map((place) => ({
    id: randomUUID(),
    actor: { account: { homePage: caller.base, name: String(purchase) } },
    verb: { id: "http://adlnet.gov/expapi/verbs/passed" },
    object: { id: place },
    result: { success: true, score: { scaled: 0.9 }, duration: "PT45M" },
    context: { contextActivities: { category: [{ id: "https://w3id.org/xapi/cmi5/context/categories/moveon" }] } },
    timestamp: at,
  }));
  answer = await caller.call("POST", "/xapi/statements", statements);
  const isTaken = answer.json.statements?.every((line) => line.pieces?.join() === "attendance");
  report.see("v2.send_statements", "each unit passed", answer.status === 200 && isTaken, answer);
}

async function cancel(caller, purchase, report) {
  await caller.call("POST", "/attendance", { lines: [{ purchase, sequence: 1 }] });
  const path = `/purchases/${purchase}/cancellation`;
  const told = await caller.call("GET", path);
  const { earned_rupiah, refunded_rupiah } = told.json;
  report.see("v2.preview_cancellation", "a session was attended", told.status === 200 && earned_rupiah > 0, told);
  const done = await caller.call("POST", path, { reason: "Pelatihan dihentikan." });
  const isSo = done.json.earned_rupiah === earned_rupiah && done.json.refunded_rupiah === refunded_rupiah;
  report.see("v2.cancel_purchase", "as it was told", done.status === 200 && isSo, done);
}

export async function beTold(caller, receiver, happened, purchase, report) {
  const isTold = await receiver.wait(
    (events) =>
      events.some((event) => event.type === "ping") &&
      events.some((event) => event.type === happened && event.data.purchase === purchase),
  );
  const isWanted = receiver.events.every((event) => ["ping", happened].includes(event.type));
  report.see("v2.webhook_delivered", "what was asked for, signed", isTold && isWanted && !receiver.refusedCount, receiver.events);
  const deliveries = await caller.all("/webhooks/deliveries?limit=1");
  const ping = deliveries.find((line) => line.event === "ping");
  report.see("v2.webhook_deliveries", "GET", ping?.message_id === receiver.events.find((event) => event.type === "ping").id, deliveries);
  const answer = await caller.call("POST", `/webhooks/deliveries/${ping.delivery}/replays`);
  const cameAgain = await receiver.wait((events) => events.filter((event) => event.id === ping.message_id).length === 2);
  report.see("v2.replay_delivery", "under the same webhook-id", answer.status === 202 && cameAgain, answer);
}

async function bePaid(caller, receiver, report) {
  let settled = 0;
  for (const days of [2, 30]) settled += (await caller.call("POST", "/sandbox/clock", { to: "days", days })).json.settled_rupiah;
  const answer = await caller.call("GET", "/statement");
  const { totals } = answer.json;
  report.see("v2.statement", "what was settled is paid", totals.paid_rupiah === settled && settled > 0 && isBalanced(totals), answer);
  const isTold = await receiver.wait((events) => events.some((event) => event.type === "settlement.paid"));
  report.see("v2.webhook_delivered", "settlement.paid", isTold, receiver.events);
}

async function rotate(caller, report) {
  let answer = await caller.call("POST", "/keys", {});
  report.see("v2.issue_key", "POST", answer.status === 201 && Boolean(answer.json.secret), answer);
  const newer = new Caller(caller.base, answer.json.key_id, answer.json.secret);
  const answers = await Promise.all([caller, newer].map((each) => each.call("GET", "/me")));
  report.see("v2.rotation", "both are answered", answers.every(({ status }) => status === 200), answers);
  answer = await newer.call("DELETE", `/keys/${caller.keyId}`);
  report.see("v2.revoke_key", "the old one, by the new", answer.status === 200, answer);
  answer = await caller.call("GET", "/me");
  report.see("v2.revoke_key", "which is not answered any more", isRefused(answer, 401, "key_revoked"), answer);
  return newer;
}

async function hurry(caller, report) {
  let refused = null;
  for (let round = 0; round < 200 && !refused; round += 1) {
    const answers = await Promise.all(Array.from({ length: 12 }, () => caller.call("GET", "/me")));
    refused = answers.find(({ status }) => status !== 200);
  }
  const seconds = Number(refused?.headers.get("Retry-After"));
  report.see("v2.rate_limit", "told to wait", seconds > 0 && isRefused(refused, 429, "rate_limited"), refused);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const answer = await caller.call("GET", "/me");
  report.see("v2.rate_limit", "and answered after Retry-After", answer.status === 200, answer);
}
