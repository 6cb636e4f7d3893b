// Passkeys, where this telephone has them: what stands in [data-passkeys] is shown, and a form with `data-begin` asks the
// server what to ask the telephone, asks it, and sends the answer. Without this script nothing of them is offered.
const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withIds = (list) => (list || []).map((one) => ({ ...one, id: fromText(one.id) }));

const make = async (options) => {
  const publicKey = {
    ...options,
    challenge: fromText(options.challenge),
    user: { ...options.user, id: fromText(options.user.id) },
    excludeCredentials: withIds(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  return { ...named(made), response: { ...client(made), attestationObject: toText(made.response.attestationObject) } };
};

const get = async (options) => {
  const publicKey = { ...options, challenge: fromText(options.challenge), allowCredentials: withIds(options.allowCredentials) };
  const found = await navigator.credentials.get({ publicKey });
  const { authenticatorData, signature, userHandle } = found.response;
  const proof = { authenticatorData: toText(authenticatorData), signature: toText(signature), userHandle: userHandle && toText(userHandle) };
  return { ...named(found), response: { ...client(found), ...proof } };
};

const named = (credential) => ({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, clientExtensionResults: {} });
const client = (credential) => ({ clientDataJSON: toText(credential.response.clientDataJSON) });

const ask = async (form) => {
  const asked = await fetch(form.dataset.begin, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
  });
  if (!asked.ok) throw new Error(String(asked.status));
  const options = await asked.json();
  form.elements.answer.value = JSON.stringify(await (options.user ? make(options) : get(options)));
  form.submit();
};

const offer = async () => {
  if (!window.PublicKeyCredential || !(await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable())) return;
  for (const hidden of document.querySelectorAll("[data-passkeys]")) hidden.hidden = false;
  for (const form of document.querySelectorAll("form[data-begin]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = event.submitter;
      const said = form.querySelector("[data-failed]");
      said.hidden = true;
      button.disabled = true;
      // The person has gone back, or the telephone has none for this address: the password is there as before.
      ask(form).catch(() => {
        said.hidden = false;
        button.disabled = false;
        button.focus();
      });
    });
  }
};
offer();
