// The way to the API: who is signed in, requests, and failures as values.

import { base64, prove } from './passkey.js'

const keptAs = 'lifeline.token'
const rememberedAs = 'lifeline.signed-in'

// session is that of a passkey, whose secret is in a cookie that no script reads, or a token, for as long as the tab
// lives. It stands in no address.
export const session = {
  me: null,
  onEnd: () => {},
  get token() { return sessionStorage.getItem(keptAs) },
  keep(token) { sessionStorage.setItem(keptAs, token) },
  get remembered() { return localStorage.getItem(rememberedAs) !== null },
  remember() { localStorage.setItem(rememberedAs, 'yes') },
  lapsed() { session.end(session.token ? 'Your token is not valid any more: sign in again.' : 'You are not signed in any more: sign in again.') },
  end(why) {
    sessionStorage.removeItem(keptAs)
    localStorage.removeItem(rememberedAs)
    session.me = null
    session.onEnd(why)
  },
}

// can says whether the role may do an operation, by its id in the OpenAPI document.
export const can = operation => session.me?.may.includes(operation) ?? false

// byMe says whether a stored name and id are of this person. The service also compares names that only look alike.
export const byMe = (name, id) => Boolean(id && id === session.me.person || name && name === session.me.name)

// Problem is a failure as the service tells it (RFC 9457); status 0 is a service out of reach.
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || `The service answered ${status}.`)
    Object.assign(this, { status, title: body.title, errors: body.errors ?? [], requestID: body.request_id, stepUp: body.step_up })
  }

  // stale: somebody else changed it since it was read.
  get stale() { return this.status === 412 }
}

// who is the caller of a request: the token, or else the cookie.
export const who = () => session.token ? { headers: { Authorization: `Bearer ${session.token}` }, credentials: 'omit' }
  : { headers: {}, credentials: 'same-origin' }

// attended says whether somebody has used the page lately: what it asks for by itself keeps no session alive.
let used = Date.now()
for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => { used = Date.now() }, { capture: true, passive: true })
const attended = () => Date.now() - used < 300_000

// send makes one request and answers the whole response, or throws a Problem. body is sent as JSON unless it is bytes.
// What the service wants confirmed is confirmed by passkey, and sent again.
export async function send(method, path, options = {}) {
  try {
    return await once(method, path, options)
  } catch (e) {
    if (!e.stepUp) throw e
    return once(method, path, { ...options, headers: { ...options.headers, 'Lifeline-Assertion': base64(await prove(e.stepUp)) } })
  }
}

async function once(method, path, { body, headers = {}, signal }) {
  const { headers: own, credentials } = who()
  const h = new Headers({ ...headers, ...own })
  if (!session.token && !attended()) h.set('Lifeline-Unattended', 'true')
  if (body !== undefined && !(body instanceof Blob)) {
    if (!h.has('Content-Type')) h.set('Content-Type', 'application/json')
    body = JSON.stringify(body)
  }
  let r
  try {
    r = await fetch(path, { method, headers: h, body, signal, cache: 'no-store', credentials, redirect: 'error' })
  } catch (e) {
    if (e.name === 'AbortError') throw e
    throw new Problem(0, { detail: 'The service cannot be reached. What you typed is still here.' })
  }
  if (r.ok || r.status === 304) return r
  const problem = new Problem(r.status, await r.json().catch(() => ({})))
  if (r.status === 401 && session.me) session.lapsed()
  throw problem
}

export const get = async (path, options) => (await send('GET', path, options)).json()

// maybe is get for what need not be there: null then.
export async function maybe(path, options) {
  try {
    return await get(path, options)
  } catch (e) {
    if (e.status === 404) return null
    throw e
  }
}

// change sends a change that starts from a revision, and answers what came of it.
export async function change(method, path, body, revision) {
  const headers = revision === undefined ? {} : { 'If-Match': `"${revision}"` }
  return (await send(method, path, { body, headers })).json()
}

// all reads every page of a list that is known to be short.
export async function all(path, options) {
  const out = []
  for (let cursor = ''; ;) {
    const page = await get(query(path, { limit: 500, cursor }), options)
    out.push(...page.items)
    cursor = page.next_cursor
    if (!cursor) return out
  }
}

// query adds parameters to a path, those that have a value.
export function query(path, parameters) {
  const q = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== '' && v !== undefined && v !== null))
  const text = q.toString()
  return text ? `${path}?${text}` : path
}

// root is the path of the API: beside the console, wherever a proxy has both.
const root = new URL('../../v1/', import.meta.url).pathname

// path joins escaped parts under it.
export const path = (...parts) => root + parts.map(encodeURIComponent).join('/')

// save hands bytes that the token opened to the browser as a file.
export async function save(address, accept, name) {
  const r = await send('GET', address, { headers: { Accept: accept } })
  const url = URL.createObjectURL(await r.blob())
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
