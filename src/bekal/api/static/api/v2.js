// Signs and sends the calls of the page. The key is read from its two fields at each call and kept nowhere.
"use strict";
(() => {
  const place = document.getElementById("key");
  if (!place) return;
  const text = new TextEncoder();
  const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  async function sign(secret, lines) {
    const key = await crypto.subtle.importKey("raw", text.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return hex(await crypto.subtle.sign("HMAC", key, text.encode(lines.join("\n"))));
  }

  function targetOf(operation, form) {
    let path = operation.dataset.address;
    const query = new URLSearchParams();
    for (const field of form.querySelectorAll("[data-in]")) {
      if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
      else if (field.value) query.append(field.name, field.value);
    }
    return query.size ? `${path}?${query}` : path;
  }

  async function call(operation, form) {
    const method = operation.dataset.method;
    const target = targetOf(operation, form);
    const body = form.elements.body ? form.elements.body.value : "";
    const key = document.getElementById("key-id").value.trim();
    const secret = document.getElementById("key-secret").value.trim();
    const timestamp = String(Math.floor(Date.now() / 1000));
    const idempotency = "writes" in operation.dataset ? crypto.randomUUID() : "";
    const digest = hex(await crypto.subtle.digest("SHA-256", text.encode(body)));
    const signature = await sign(secret, ["v1", key, timestamp, method, target, idempotency, digest]);
    const headers = { "Bekal-Key": key, "Bekal-Timestamp": timestamp, "Bekal-Signature": `v1=${signature}`,
      "Accept-Language": document.documentElement.lang };
    if (idempotency) headers["Idempotency-Key"] = idempotency;
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(target, { method, headers, body: body || undefined, credentials: "omit", cache: "no-store" });
    const said = await answer.text();
    const names = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
    let tidy = said;
    try { tidy = JSON.stringify(JSON.parse(said), null, 2); } catch { /* not JSON: as it came */ }
    return `${answer.status} ${answer.statusText}\n\n${tidy}\n\n${names.join("\n")}`;
  }

  const canSign = Boolean(window.crypto && window.crypto.subtle);
  place.hidden = false;
  if (!canSign) {
    const warning = document.createElement("p");
    warning.textContent = place.dataset.unsafe;
    place.append(warning);
    return;
  }
  for (const operation of document.querySelectorAll(".operation")) {
    const form = operation.querySelector("[data-form]");
    const told = form.querySelector("[data-told]");
    form.querySelector("[data-send]").hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation(); // Other pages' forms are sent once; a call is tried any number of times.
      const button = form.querySelector("button");
      button.disabled = true;
      told.hidden = false;
      told.textContent = place.dataset.sending;
      try { told.textContent = await call(operation, form); }
      catch { told.textContent = place.dataset.unreached; }
      button.disabled = false;
    });
  }
})();
