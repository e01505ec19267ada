// Copy buttons of the transfer; without a script they do not show and the fields can be marked by hand.
for (const button of document.querySelectorAll(".pay-copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.innerHTML;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.innerHTML = before; }, 2000);
  });
}
