// Signing in by the house's identity provider: the browser goes there, and comes back with a state and a code.

import { path, Problem, send, session } from './api.js'

const leftAs = 'lifeline.left' // the view that the person left

// leave sends the browser to the provider.
export async function leave() {
  const { address, origin } = await (await send('POST', path('sign-in', 'provider', 'options'))).json()
  if (location.origin !== origin) throw new Problem(0, { detail: `The identity provider sends browsers back to ${origin}: open the console there.` })
  sessionStorage.setItem(leftAs, location.hash)
  location.assign(address)
}

// returned is what the browser brought back, once; null if this tab did not leave. It leaves the address.
export function returned() {
  const q = new URLSearchParams(location.search)
  const left = sessionStorage.getItem(leftAs)
  sessionStorage.removeItem(leftAs)
  if (!q.has('state')) return null
  history.replaceState(null, '', location.pathname + (left ?? ''))
  return left === null ? null : { state: q.get('state'), code: q.get('code') ?? '', error: q.get('error') }
}

// enter signs in by what the browser brought back.
export async function enter({ state, code, error }) {
  if (error !== null) throw new Problem(0, { detail: 'The identity provider did not sign you in.' })
  await send('POST', path('sign-in', 'provider'), { body: { state, code } })
  session.remember()
}
