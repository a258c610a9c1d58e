// Silences: what holds back notifications for a while. People make them from an alert.
import { get, send } from "./api.js";
import { fill, h, list, text } from "./dom.js";
import { plural } from "./format.js";
import { alertTitle, scopeOf, time, toast } from "./ui.js";

const lengths = [["60", "1 hour"], ["240", "4 hours"], ["1440", "1 day"], ["until", "until …"]];

/** maySilence reports whether the person may silence an alert. */
export function maySilence(session, a) {
  return session.super_admin || Boolean(a.organization_id) && a.organization_id === session.organization_id;
}

/** silence asks for how long and why an alert is to be silenced, and does it. */
export function silence(a, data) {
  const long = h("select", { id: "silence-for", onchange: () => { until.hidden = long.value !== "until"; } }, lengths.map(([v, words]) => h("option", { value: v }, words)));
  const at = h("input", { type: "datetime-local", id: "silence-until", value: local(data.now() + 3_600_000) });
  const until = h("label", { for: "silence-until", class: "field", hidden: true }, h("span", {}, "Until, by your clock"), at);
  const reason = h("input", { type: "text", id: "silence-reason", maxlength: 400, required: true, placeholder: "such as: new disks until noon" });
  const wrong = h("p", { class: "rule-wrong", role: "alert" });
  const save = h("button", { type: "submit", class: "primary" }, "Silence");
  const add = async () => {
    if (reason.value.trim() === "") {
      text(wrong, "Say why, so that others know.");
      reason.focus();
      return;
    }
    const end = long.value === "until" ? { until: new Date(at.value).toISOString() } : { minutes: Number(long.value) };
    const about = { metric_name: a.metric_name, ...(a.endpoint ? { endpoint: a.endpoint } : {}), ...(a.organization_id ? { organization_id: a.organization_id } : {}), ...(a.endpoint || a.organization_id ? {} : { scope: "service" }) };
    await send("POST", "silences/", { ...about, ...end, reason: reason.value.trim() });
    dialog.close();
    toast(`${alertTitle(a)} of ${scopeOf(a)}: silenced.`);
    document.dispatchEvent(new Event("perfmon-silenced"));
  };
  const dialog = h("dialog", { class: "silence", "aria-label": `Silence ${alertTitle(a)} of ${scopeOf(a)}`, onclose: () => dialog.remove(), onclick: (e) => { if (e.target === dialog) dialog.close(); } },
    h("form", {
      novalidate: true,
      onsubmit: async (e) => {
        e.preventDefault();
        save.disabled = true;
        try {
          await add();
        } catch (error) {
          text(wrong, error instanceof RangeError ? "Until: want a date and a time." : error.message);
        } finally {
          save.disabled = false;
        }
      },
    },
    h("h2", {}, `Silence ${alertTitle(a)}`), h("p", { class: "hint" }, `Nobody is notified of ${alertTitle(a)} of ${scopeOf(a)} meanwhile. Where it is still open then, people are told.`),
    h("div", { class: "rule-fields" }, h("label", { for: "silence-for", class: "field" }, h("span", {}, "For"), long), until, h("label", { for: "silence-reason", class: "field why" }, h("span", {}, "Why"), reason)),
    wrong, h("p", { class: "rule-buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), save)));
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}

// local is a time as a field for local times has it.
function local(ms) {
  const d = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return d.toISOString().slice(0, 16);
}

/** Silences is the list of silences that are not over; it reads them when refresh is called. */
export function silences() {
  const rows = h("div", { class: "alert-list" });
  const title = h("h2", { class: "part" }, "Silences");
  const el = h("section", { class: "silences", hidden: true, "aria-label": "Silences" }, title, rows);
  let reading = null;
  const refresh = async () => {
    reading?.abort();
    reading = new AbortController();
    try {
      const answer = await get("silences/", { active_only: "true" }, reading.signal);
      el.hidden = answer.silences.length === 0;
      list(rows, answer.silences, (s) => s.silence_id, (s) => row(s, refresh), (e, s) => e.show(s));
    } catch (error) {
      if (error.name !== "AbortError") el.hidden = true; // the alerts above say what is wrong
    }
  };
  return { el, refresh, destroy: () => reading?.abort() };
}

function row(s, refresh) {
  const what = h("span", { class: "alert-title" }), why = h("span", { class: "alert-facts" }), when = h("span", { class: "alert-since" });
  const end = h("button", {
    type: "button",
    onclick: async () => {
      try {
        await send("DELETE", `silences/${encodeURIComponent(s.silence_id)}/`);
        toast("The silence is over.");
        document.dispatchEvent(new Event("perfmon-silenced"));
        await refresh();
      } catch (error) {
        toast(error.message, { bad: true, seconds: 8 });
      }
    },
  }, "End now");
  const el = h("article", { class: "alert silence" }, h("div", { class: "alert-row" }, h("div", { class: "silence-facts" }, what, why, when), h("span", { class: "alert-actions" }, end)));
  el.show = (now) => {
    const about = [now.metric_name || "All alerts", now.endpoint && `of ${now.endpoint}`, now.organization_id && `of organization ${now.organization_id}`, now.scope === "service" && "of the service", now.scope && now.scope !== "service" && !now.endpoint && !now.organization_id && `of each ${now.scope}`].filter(Boolean).join(" ");
    end.setAttribute("aria-label", `End now: the silence of ${about}`);
    fill(what, h("b", {}, about), !now.active && h("small", {}, "to come"));
    fill(why, `${now.reason} (${now.by}) `, h("small", {}, `held back ${plural(now.held_back, "notification")}`));
    fill(when, now.active ? null : [time(now.from), " – "], "until ", time(now.until));
  };
  el.show(s);
  return el;
}
