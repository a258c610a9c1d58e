const answer = await fetch("health/");
const body = await answer.json();
document.querySelector("#app p").textContent = answer.ok ? `${body.status}: ${body.reason}` : body.detail;
