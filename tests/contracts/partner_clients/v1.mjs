// v1, as docs/partners/v1.md describes it.

import { createHmac } from "node:crypto";
import { send } from "./answer.mjs";

const PATH = "/api/v1/integration/";
const STATUS = "payment/redeem-code/status";
const COMMIT = "payment/redeem-code/commit";
const URL_GENERATE = "oauth/url-generate";
const TASK = "tpm/submission";
const TASK_STATUS = "tpm/submission/status";
const FEEDBACK = "tpm/feedback/submission";
const STATUS_TYPES = {
  redeem_code: "string",
  course_code: "string",
  invoice_code: "string",
  schedule_code: "string",
  status: "number",
  attendance_status: "number",
  redeem_at: "string",
  dp_platform: "string",
  schedule_start_end: "string",
  course_type: "number",
  course_type_label: "string",
  course_learning_method: "string",
  is_online_attendance: "boolean",
  sequence: "number",
};
const GO = { "&": "\\u0026", "<": "\\u003c", ">": "\\u003e" };
const FORMS = {
  raw: (fields) => JSON.stringify(fields, null, 1),
  compact: (fields) => JSON.stringify(fields),
  go: (fields) => JSON.stringify(fields).replace(/[&<>]/g, (sign) => GO[sign]),
  php: (fields) => JSON.stringify(fields).replaceAll("/", "\\/"),
};
const seconds = () => Math.floor(Date.now() / 1000);

class Caller {
  constructor(base, { client_code, key }) {
    Object.assign(this, { base, clientCode: client_code, key });
  }

  // The body is sent over several lines, and signed in the form.
  async call(operation, fields, { form = "raw", stamp = seconds(), forged = false, name = "client_code", more = {} } = {}) {
    const text = this.clientCode + stamp + "POST" + PATH + operation + FORMS[form](fields);
    let signature = createHmac("sha1", this.key).update(text).digest("hex");
    if (forged) signature = signature.slice(0, -1) + (signature.endsWith("0") ? "1" : "0");
    const headers = { "Content-Type": "application/json", [name]: this.clientCode, timestamp: String(stamp), signature };
    const body = FORMS.raw(fields);
    const answer = await send(this.base + PATH + operation, { method: "POST", headers: { ...headers, ...more }, body });
    const { success, message, data } = answer.json;
    const names = Object.keys(answer.json).sort().join();
    if (names !== "data,message,success" || !message || success !== (answer.status === 200) || data?.constructor !== Object)
      throw new Error(`no envelope: ${answer.status} ${answer.text}`);
    return { ...answer, data, refusal: answer.headers.get("Bekal-Refusal") };
  }
}

const isRefused = (answer, status, ...codes) =>
  answer.status === status && codes.includes(answer.refusal) && Object.keys(answer.data).length === 0;

// At the end the key is suspended; `sandbox-keys` lifts it.
export async function speakV1(base, access, report) {
  const caller = new Caller(base, access);
  const codes = Object.fromEntries(Object.entries(access.codes).map(([purpose, line]) => [purpose, line.redeem_code]));
  await redeem(caller, codes, report);
  await handIn(caller, codes.self_paced, report);
  await attend(caller, codes, access.redirect_uri, report);
  await beRefused(caller, codes, report);
  await miss(caller, codes.self_paced, report);
}

async function redeem(caller, codes, report) {
  const code = { redeem_code: codes.self_paced };
  let answer = await caller.call(STATUS, code);
  const isWhole = Object.entries(STATUS_TYPES).every(([name, type]) => typeof answer.data[name] === type);
  report.see("v1.status", STATUS, isWhole && answer.data.status === 0, answer);
  const stamp = seconds();
  const first = await caller.call(COMMIT, code, { form: "compact", stamp });
  const again = await caller.call(COMMIT, code, { form: "compact", stamp });
  report.see("v1.commit", COMMIT, first.status === 200 && first.data.status === 1, first);
  report.see("v1.form.compact", "sent over lines, signed without", first.status === 200, first);
  const isSame = again.text === first.text && again.headers.get("Bekal-Repeated") === "true";
  report.see("v1.replay", "the very same call again", isSame, again);
  answer = await caller.call(STATUS, { ...code, sequence: 1 });
  report.see("v1.form.raw", "signed as sent", answer.data.status === 1 && answer.data.redeem_at !== "", answer);
  answer = await caller.call(COMMIT, { redeem_code: codes.webinar });
  report.see("v1.window", "the webinar that begins now", answer.status === 200, answer);
}

async function handIn(caller, redeem_code, report) {
  const task = { redeem_code, scope: "uk", sequence: 999 };
  const file = "https://lembaga.example/uji/<1>.docx?a=1&b=2";
  let answer = await caller.call(TASK, { ...task, url_file: file }, { form: "go" });
  const { id, task_id, status, url_file } = answer.data;
  const isPending = status === 1 && url_file === file && Number.isInteger(id) && Number.isInteger(task_id);
  report.see("v1.submission", TASK, isPending, answer);
  report.see("v1.form.go", "& < > signed as Go writes them", answer.status === 200, answer);
  answer = await caller.call(TASK_STATUS, task);
  const pending = { assignment: { status: 1 }, feedback: { status: 0 } };
  report.see("v1.submission_status", TASK_STATUS, JSON.stringify(answer.data) === JSON.stringify(pending), answer);
  answer = await caller.call(FEEDBACK, { ...task, notes: "Ulangi bagian 2/3", url_file: "", status: 3 }, { form: "php" });
  report.see("v1.feedback", `${FEEDBACK}: failed`, answer.status === 200 && answer.data.status === 3, answer);
  report.see("v1.form.php", "/ signed as PHP writes it", answer.status === 200, answer);
  answer = await caller.call(TASK, { ...task, url_file: "https://lembaga.example/uji/2.pdf" });
  report.see("v1.submission", "handed in again after it failed", answer.status === 200 && answer.data.task_id === task_id, answer);
  answer = await caller.call(TASK, { ...task, scope: "ukk", url_file: file });
  report.see("v1.submission", "a scope nobody knows", isRefused(answer, 422, "scope_unknown"), answer);
}

async function attend(caller, codes, redirect_uri, report) {
  const session = { redeem_code: codes.webinar, sequence: 1 };
  const asked = { ...session, redirect_uri, email: "peserta@contoh.example" };
  let answer = await caller.call(URL_GENERATE, asked);
  const { url, state, course } = answer.data;
  const isOnline = course?.type === 2 && course?.learning_method === "online" && Boolean(state);
  report.see("v1.url_generate", URL_GENERATE, isOnline, answer);
  // The participant's browser.
  const page = await send(url, {});
  const token = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(page.text)?.[1] ?? "";
  report.see("v1.attendance", "the participant's page opens", page.status === 200 && token !== "", page);
  const headers = { Cookie: page.headers.getSetCookie().map((each) => each.split(";")[0]).join("; "), Referer: url };
  const back = await send(url, { method: "POST", headers, body: new URLSearchParams({ csrfmiddlewaretoken: token }) });
  const location = back.headers.get("Location") ?? "";
  const isBack = location.startsWith(redirect_uri) && new URL(location).searchParams.get("state") === state;
  report.see("v1.attendance", "confirmed, and sent back with state", isBack, back);
  answer = await caller.call(STATUS, session);
  report.see("v1.attendance", "attendance_status 1", answer.data.attendance_status === 1, answer);
  await caller.call(COMMIT, { redeem_code: codes.on_site });
  answer = await caller.call(URL_GENERATE, { ...asked, redeem_code: codes.on_site });
  report.see("v1.refusal.course_type", "on site", isRefused(answer, 422, "course_type_mismatch"), answer);
}

async function beRefused(caller, codes, report) {
  for (const [check, operation, redeem_code, status, word] of [
    ["code_not_found", STATUS, "9999888877776666", 404, "code_not_found"],
    ["other_institution", STATUS, codes.elsewhere, 403, "code_of_another_institution"],
    ["code_cancelled", COMMIT, codes.ended, 410, "code_cancelled"],
    ["transaction_cancelled", COMMIT, codes.cancelled, 410, "transaction_cancelled"],
    ["code_used", COMMIT, codes.used, 409, "code_already_used"],
    ["outside_window", COMMIT, codes.later, 409, "outside_redemption_window"],
  ]) {
    const answer = await caller.call(operation, { redeem_code });
    report.see(`v1.refusal.${check}`, operation, isRefused(answer, status, word), answer);
  }
  const asked = { redeem_code: codes.self_paced };
  let answer = await caller.call(STATUS, asked, { forged: true });
  report.see("v1.refusal.signature", "one character changed", isRefused(answer, 401, "signature_wrong"), answer);
  answer = await caller.call(STATUS, asked, { stamp: seconds() - 600 });
  report.see("v1.refusal.timestamp", "ten minutes ago", isRefused(answer, 401, "timestamp_expired"), answer);
  answer = await caller.call(STATUS, asked, { more: { "client-code": caller.clientCode } });
  report.see("v1.refusal.signature", "client-code, too", isRefused(answer, 401, "header_repeated"), answer);
  answer = await caller.call(STATUS, asked, { name: "CLIENT_CODE" });
  report.see("v1.status", "CLIENT_CODE in capitals", answer.status === 200, answer);
}

async function miss(caller, redeem_code, report) {
  const words = [];
  for (let number = 0; number < 25; number += 1) {
    words.push((await caller.call(STATUS, { redeem_code: `55556666777788${number + 22}` })).refusal);
    if (words.at(-1) !== "code_not_found") break;
  }
  const missed = words.filter((word) => word === "code_not_found").length;
  const isTold = ["too_many_misses", "client_suspended"].includes(words.at(-1));
  report.see("v1.refusal.suspended", "twenty misses", isTold && missed >= 17 && missed <= 18, words);
  const answer = await caller.call(STATUS, { redeem_code, sequence: 1 });
  const isShut = isRefused(answer, 429, "too_many_misses") || isRefused(answer, 403, "client_suspended");
  report.see("v1.refusal.suspended", "and nothing is answered after them", isShut, answer);
}
