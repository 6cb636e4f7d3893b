// In LINE's own browser the member is signed in already: hand the ID token to the server, which asks LINE whose it is.
// In any other browser, and after a refusal, the button on the page does it. "?stay" is the way to the page itself.
const form = document.querySelector("[data-liff]");
const opening = document.querySelector("[data-opening]");
const query = new URLSearchParams(location.search);
const stays = ["stay", "done", "why"].some((name) => query.has(name)) || "refused" in form.dataset;
if (!stays && window.liff?.isInClient()) {
  opening.hidden = false;
  liff
    .init({ liffId: form.dataset.liff })
    .then(() => {
      const token = liff.getIDToken();
      if (!token) throw new Error("no ID token: does the LIFF app have the scope openid?");
      form.elements.id_token.value = token;
      form.submit();
    })
    .catch((reason) => {
      opening.hidden = true;
      console.warn(reason);
    });
}
