// Passkeys: what the service asks for, in the browser's terms, and the browser's answers in the service's. The bytes are
// in base64. PublicKeyCredential's own functions for JSON are younger than the browsers that people have.

const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))

const text = buffer => btoa(Array.from(new Uint8Array(buffer), b => String.fromCharCode(b)).join(''))

// base64 writes what is JSON for a header.
export const base64 = value => btoa(JSON.stringify(value))

// possible fails with the reason if this page cannot use passkeys of the service.
function possible(asked) {
  if (location.origin !== asked.origin) throw new Error(`Passkeys work at ${asked.origin} only: open the console there.`)
  if (!window.PublicKeyCredential) throw new Error('This browser has no passkeys.')
}

// words says why the browser made no answer.
function words(e) {
  if (e.name === 'InvalidStateError') return 'This device has a passkey for you already: use another device.'
  if (e.name === 'NotAllowedError') return 'The passkey was not used: it was called off, took too long, or is not on this device.'
  return e.message
}

async function answered(work) {
  try {
    return await work()
  } catch (e) {
    throw Object.assign(new Error(words(e)), { status: 0, errors: [] })
  }
}

const named = list => (list ?? []).map(k => ({ type: 'public-key', id: bytes(k.credential), transports: k.transports }))

// prove answers a challenge by a passkey.
export const prove = asked => answered(async () => {
  possible(asked)
  const { rawId, response } = await navigator.credentials.get({ publicKey: { challenge: bytes(asked.challenge), rpId: asked.host, timeout: asked.timeout_ms,
    userVerification: 'required', allowCredentials: named(asked.allow) } })
  return { credential: text(rawId), client_data: text(response.clientDataJSON), authenticator_data: text(response.authenticatorData),
    signature: text(response.signature), user_handle: response.userHandle ? text(response.userHandle) : '' }
})

// make makes a passkey.
export const make = (asked, name) => answered(async () => {
  possible(asked)
  const made = await navigator.credentials.create({ publicKey: { rp: { id: asked.host, name: asked.party },
    user: { id: bytes(asked.handle), name: asked.name, displayName: asked.name }, challenge: bytes(asked.challenge), timeout: asked.timeout_ms,
    pubKeyCredParams: asked.algorithms.map(alg => ({ type: 'public-key', alg })), excludeCredentials: named((asked.exclude ?? []).map(credential => ({ credential }))),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' }, attestation: 'none' } })
  return { name, credential: text(made.rawId), client_data: text(made.response.clientDataJSON), attestation: text(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [], attachment: made.authenticatorAttachment ?? '' }
})
