// An answer of either generation: its status, headers, text, and JSON ({} where it is none).

export async function send(address, options) {
  const response = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(60_000), ...options });
  const text = await response.text();
  let json = {};
  try {
    json = JSON.parse(text);
  } catch {
    // A page.
  }
  return { status: response.status, headers: response.headers, text, json };
}
