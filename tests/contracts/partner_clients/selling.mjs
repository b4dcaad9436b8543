// A platform's v2, as docs/partners/v2.md, v2-platforms.md and the OpenAPI document describe it.

import { randomUUID } from "node:crypto";
import { Receiver } from "./receiver.mjs";
import { beTold, beWrong, leave, openWebhook, sayWho, useOtherDoors } from "./v2.mjs";
import { Caller, isRefused } from "./v2_calls.mjs";

// In an order that leaves the newest key live.
export async function speakSelling(base, access, report) {
  const caller = new Caller(base, access.key_id, access.secret);
  const receiver = new Receiver();
  await receiver.listen();
  await sayWho(caller, report);
  const webhook = await openWebhook(caller, receiver, ["ping", "purchase.bought"], report);
  await offer(caller, access, report);
  const { purchase } = await sell(caller, access.start_codes.covered.start_code, report);
  await beRefused(caller, access.start_codes, report);
  const { start_codes } = (await caller.call("POST", "/sandbox/start-codes", { purpose: "covered" })).json;
  const other = await sell(caller, start_codes[0].start_code, report);
  await beTold(caller, receiver, "purchase.bought", purchase, report);
  await list(caller, [purchase, other.purchase], report);
  await beWrong(caller, purchase, report);
  await refund(caller, other.purchase, report);
  const redeemed = await speakOf(caller, purchase, report);
  await useOtherDoors(caller, redeemed, report);
  await beProven(caller, purchase, report);
  await leave(caller, webhook, report);
}

async function offer(caller, { institution, category, start_codes }, report) {
  const line = { institution, category, code: start_codes.covered.training, title: "Pembukuan warung", price_rupiah: 400000 };
  const nobodys = { ...line, institution: "LEMBAGA-TAK-DIKENAL" };
  let answer = await caller.call("POST", "/platform/trainings", { lines: [line, nobodys] });
  const [submitted, refused] = answer.json.lines;
  report.see("v2.offer_for_institutions", "a change waits", submitted.outcome === "submitted", answer);
  report.see("v2.refusal.training", "nobody's institution", refused.problem?.code === "training_refused", answer);
  answer = await caller.call("GET", "/platform/submissions?limit=1");
  const [first] = answer.json.items;
  report.see("v2.platform_submissions", "GET", first.submission === submitted.submission && first.state === "submitted", answer);
}

// The digits are read as the participant would read them, and typed wrong once.
async function sell(caller, start_code, report) {
  let answer = await caller.call("POST", "/platform/checks", { start_code });
  const { is_covered, price_rupiah } = answer.json;
  report.see("v2.check_purchase", "POST", answer.status === 200 && is_covered && price_rupiah > 0, answer);
  answer = await caller.call("GET", `/sandbox/one-time-codes?start_code=${start_code}`);
  report.see("v2.send_one_time_code", "none was sent yet", isRefused(answer, 409, "sandbox_no_code_sent"), answer);
  answer = await caller.call("POST", "/platform/one-time-codes", { start_code });
  report.see("v2.send_one_time_code", "POST", answer.status === 202, answer);
  const { one_time_code } = (await caller.call("GET", `/sandbox/one-time-codes?start_code=${start_code}`)).json;
  const wrong = String((Number(one_time_code) + 1) % 1_000_000).padStart(6, "0");
  answer = await caller.call("POST", "/platform/purchases", { start_code, one_time_code: wrong });
  const isCounted = answer.json.tries_left_count > 0 && answer.json.reason === "code_wrong";
  report.see("v2.refusal.one_time_code", "typed wrong", isCounted && isRefused(answer, 422, "one_time_code_refused"), answer);
  const key = randomUUID();
  const sold = await caller.call("POST", "/platform/purchases", { start_code, one_time_code }, { key });
  report.see("v2.sell_training", "POST", sold.status === 201 && sold.json.price_rupiah === price_rupiah, sold);
  const again = await caller.call("POST", "/platform/purchases", { start_code, one_time_code }, { key });
  const isReplayed = again.headers.get("Idempotency-Replayed") === "true" && again.text === sold.text;
  report.see("v2.replay", "the same Idempotency-Key", again.status === 201 && isReplayed, again);
  answer = await caller.call("POST", "/platform/purchases", { start_code, one_time_code: wrong }, { key });
  report.see("v2.key_reused", "with other digits", isRefused(answer, 422, "idempotency_key_reused"), answer);
  return sold.json;
}

async function beRefused(caller, given, report) {
  for (const purpose of ["withdrawn", "elsewhere"]) {
    const { start_code } = given[purpose];
    const answer = await caller.call("POST", "/platform/one-time-codes", { start_code });
    report.see("v2.refusal.start_code", purpose, isRefused(answer, 404, "start_code_not_found"), answer);
  }
  const { start_code } = given.not_covered;
  const { json } = await caller.call("POST", "/platform/checks", { start_code });
  report.see("v2.check_purchase", "not enough", json.is_covered === false && json.missing_rupiah > 0, json);
  const answer = await caller.call("POST", "/platform/one-time-codes", { start_code });
  report.see("v2.refusal.not_covered", "no digits", isRefused(answer, 409, "purchase_refused"), answer);
}

async function list(caller, numbers, report) {
  const sales = await caller.all("/platform/purchases?limit=1");
  const found = sales.map((line) => line.purchase);
  report.see("v2.platform_sales", "every one of ours", found.join() === numbers.join(), sales);
  report.see("v2.paging", "page by page, each exactly once", new Set(found).size === found.length, sales);
  let answer = await caller.call("GET", `/platform/purchases/${numbers[0]}`);
  report.see("v2.platform_sale", "GET one", answer.json.state === "bought", answer);
  answer = await caller.call("GET", "/platform/purchases/987654321");
  report.see("v2.refusal.sale_not_found", "not sold here", isRefused(answer, 404, "sale_not_found"), answer);
}

async function refund(caller, purchase, report) {
  const path = `/platform/purchases/${purchase}`;
  const told = await caller.call("GET", `${path}/cancellation-preview`);
  report.see("v2.preview_sale_cancellation", "GET", told.status === 200 && told.json.refunded_rupiah > 0, told);
  const done = await caller.call("POST", `${path}/cancellation`, { reason: "Peserta batal ikut." });
  const isSo = done.status === 200 && done.json.refunded_rupiah === told.json.refunded_rupiah;
  report.see("v2.cancel_sale", "as it was told", isSo, done);
}

// What a platform has seen counts once the institution has redeemed the code.
async function speakOf(caller, purchase, report) {
  const mine = async (path, line) => (await caller.call("POST", path, { lines: [{ purchase, ...line }] })).json;
  let answer = await mine("/progress", { percent: 40 });
  report.see("v2.refusal.not_redeemed", "too early", answer.lines[0].problem?.code === "not_redeemed", answer);
  const redeemed = await caller.call("POST", "/sandbox/redemptions", { purchase });
  answer = await mine("/attendance", { sequence: 1 });
  report.see("v2.record_attendance", "POST", answer.recorded_count === 1, answer);
  answer = await mine("/progress", { percent: 100 });
  report.see("v2.record_progress", "POST", answer.recorded_count === 1, answer);
  answer = await mine("/completions", {});
  report.see("v2.record_completion", "POST", answer.recorded_count === 1, answer);
  return redeemed.json;
}

async function beProven(caller, purchase, report) {
  await caller.call("POST", "/sandbox/completions", { purchase });
  await caller.call("POST", "/sandbox/clock", { to: "days", days: 2 });
  const sale = await caller.call("GET", `/platform/purchases/${purchase}`);
  const answer = await caller.call("POST", `/platform/purchases/${purchase}/cancellation`, { reason: "Terlambat." });
  const isSo = sale.json.state === "proven" && isRefused(answer, 409, "already_proven");
  report.see("v2.refusal.already_proven", "POST a cancellation", isSo, answer);
}
