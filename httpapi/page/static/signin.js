// Signing in: by the link that a service prints, or by its token.
import { get, Problem, send } from "./api.js";
import { fill, h, text } from "./dom.js";
import { hint } from "./ui.js";

/**
 * signIn returns who looks at the page. It takes the token out of the address, asks for one
 * where the service takes tokens, and resolves when the person is signed in.
 */
export async function signIn(app) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    history.replaceState(null, "", location.pathname + location.search); // it stays in no history
    try {
      return await exchange(token);
    } catch (error) {
      return ask(app, error);
    }
  }
  try {
    return await get("session/");
  } catch (error) {
    return ask(app, error);
  }
}

/** signOut ends the session and begins anew. */
export async function signOut() {
  try {
    await send("DELETE", "session", {});
  } finally {
    location.reload();
  }
}

async function exchange(token) {
  await send("POST", "session", { token });
  return get("session/");
}

// ask shows the form until the person is signed in, or says why there is none.
function ask(app, error) {
  return new Promise((resolve) => {
    const wrong = h("p", { class: "rule-wrong", role: "alert" });
    const field = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
    const button = h("button", { type: "submit", class: "primary" }, "Sign in");
    const takes = error.signIn === "token" || error.status === 429 || (error instanceof Problem && error.parameter === "token");
    if (error.status !== 401 || error.parameter === "token") text(wrong, error.message);
    const form = h("form", {
      onsubmit: async (e) => {
        e.preventDefault();
        button.disabled = true;
        text(wrong, "");
        try {
          const session = await exchange(field.value.trim());
          fill(app);
          resolve(session);
        } catch (failed) {
          text(wrong, failed.status === 401 ? "This token is not the one that the service has." : failed.message);
          field.select();
        } finally {
          button.disabled = false;
        }
      },
    }, h("label", { for: "token" }, "Token"), field, button);
    const retry = h("button", { type: "button", onclick: () => location.reload() }, "Try again");
    fill(app, h("main", { class: "sign-in" }, h("h1", {}, "perfmon"), wrong,
      takes ? [form, hint("It is the token that the service was started with. The quickstart prints a link that signs in.")]
        : error.status === 401 ? [hint("Sign in to the service itself first; this page reads its session. Then try again."), retry]
          : retry));
    if (takes) field.focus();
  });
}
