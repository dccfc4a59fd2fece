// Asking the server. What can go wrong is a value with words for the reader, never an exception.

/** {data}, or {problem: "login" | "forbidden" | "gone" | "failed", words}. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    return { problem: "gone", words: "The server does not answer." };
  }
  if (response.status === 401) return { problem: "login", words: "You are not logged in." };
  const body = await response.json().catch(() => null);
  if (response.ok) return { data: body };
  const words = typeof body?.detail === "string" ? body.detail : `The server answered ${response.status}.`;
  return { problem: response.status === 403 ? "forbidden" : "failed", words };
}

/** A background inference over several noises, which measures how sure the model is about an image. */
export function measure(model, image) {
  const form = new FormData();
  form.set("params", JSON.stringify({ uncertainty: "4" }));
  const query = new URLSearchParams({ image, background: "true", output: "uncertainty" });
  return ask(`infer/${encodeURIComponent(model)}?${query}`, { method: "POST", body: form });
}

export function cancel(job) {
  return ask(`jobs/${encodeURIComponent(job)}`, { method: "DELETE" });
}

/** `minutes`: use at most so many. */
export function train(model, minutes) {
  return post(`train/${encodeURIComponent(model)}`, { minutes });
}

/** `change`: "promote", "rollback" or "withdraw". */
export function changeModel(model, change, values) {
  return post(`models/${encodeURIComponent(model)}/${change}`, values);
}

export function stopTraining() {
  return ask("train/", { method: "DELETE" });
}

function post(path, values) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(values) });
}
