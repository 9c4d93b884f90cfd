// Requests to the app's server. An answer that is an error becomes an Error with one line for people.

export async function ask(path, { method = "GET", body = null } = {}) {
  const content = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response = null;
  try {
    response = await fetch(path, { method, ...content });
  } catch {
    throw new Error("The app does not answer. Is the terminal that started it still open?");
  }
  if (response.status === 401 && path !== "/login") location.assign("/login");
  const answer = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The app answered with the status ${response.status}.`);
  return answer;
}

// The bytes of a file as base64.
export function encoded(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(new Error(`${file.name} cannot be read.`)));
    reader.readAsDataURL(file);
  });
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
