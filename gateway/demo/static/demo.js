/* Every change asks the gateway at once. Without this file the form still works, by its button. */
(() => {
  "use strict";
  const form = document.getElementById("scene");
  const status = document.getElementById("status");
  const parts = ["menu", "sum", "panel"];
  let asked = 0;

  const put = (answer) => {
    const open = [...document.querySelectorAll("#panel details")].map((one) => one.open);
    placed.replaceChildren();
    for (const part of parts) document.getElementById(part).innerHTML = answer[part];
    document.querySelectorAll("#panel details").forEach((one, place) => { one.open = open[place] ?? false; });
    status.textContent = document.querySelector("#panel .verdict strong").textContent;
    status.className = "visually-hidden";
  };

  const ask = async () => {
    const mine = ++asked;
    form.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(form.dataset.live, { method: "POST", body: new FormData(form) });
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      if (mine === asked) put(answer);
    } catch {
      if (mine === asked) {
        status.textContent = form.dataset.failed;
        status.className = "review";
      }
    } finally {
      if (mine === asked) form.removeAttribute("aria-busy");
    }
  };

  const placed = document.getElementById("placed");
  const place = async (button) => {
    button.disabled = true;
    try {
      const headers = { "X-Requested-With": "fetch" };
      const response = await fetch(button.formAction, { method: "POST", headers, body: new FormData(form) });
      if (!response.ok) throw new Error(String(response.status));
      placed.innerHTML = (await response.json()).placed;
    } catch {
      placed.textContent = form.dataset.failed;
    } finally {
      button.disabled = false;
    }
  };

  document.getElementById("recalculate").hidden = true;
  form.addEventListener("change", (event) => {
    if (["method", "notice"].includes(event.target.name)) placed.replaceChildren();
    else ask();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter && event.submitter.id === "order") place(event.submitter);
    else ask();
  });
})();
