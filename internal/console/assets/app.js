// The console: who is signed in, what is shown, and what keeps it up to date.

import { can, get, path, send, session } from './api.js'
import { alert, badge, button, h, say, show } from './dom.js'
import { follow } from './live.js'
import { here, now, setNow, time } from './time.js'
import { account, notices } from './account.js'
import { audit } from './audit.js'
import { confirm } from './confirm.js'
import { day } from './day.js'
import { library } from './library.js'
import { login } from './login.js'
import { people } from './people.js'
import { enter, returned } from './provider.js'
import { reports } from './reports.js'
import { segment } from './segment.js'
import { enrolForm, signInForm } from './signin.js'
import { stations } from './stations.js'
import { upload } from './upload.js'
import { waiting } from './waiting.js'

// The views by the first part of the address after "#/": what they need, and, of those in the menu, what they are called.
const views = {
  stations: { view: stations, needs: 'listStatus', label: 'Stations' },
  day: { view: day, needs: 'getRundown', label: 'Day' },
  library: { view: library, needs: 'listSegments', label: 'Library' },
  upload: { view: upload, needs: 'startUpload', under: 'library', who: 'A producer or an administrator' },
  segments: { view: segment, needs: 'getSegment', under: 'library' },
  waiting: { view: waiting, needs: 'listWaiting', label: 'Waiting' },
  reports: { view: reports, needs: 'reportAirings', label: 'Reports' },
  audit: { view: audit, needs: 'listAudit', label: 'Audit' },
  people: { view: people, needs: 'listPeople', label: 'People' },
  account: { view: account, needs: 'listPasskeys' },
  confirm: { view: confirm, needs: 'confirmAct', who: 'A person who is signed in' },
  login: { view: login, needs: 'approveLogin', who: 'A person who is signed in' },
}

const top = document.getElementById('top')
const main = document.getElementById('main')
const linked = h('span', { class: 'live', id: 'live' })
const noticed = h('div', { class: 'notices' })
const clock = h('time', { class: 'clock', title: 'The service’s clock' })
const listeners = new Set() // of the view that is shown
let leave = new AbortController() // ends with the view
let out = null // ends with the session

function header() {
  const here = views[address().name]
  const name = here?.under ?? address().name
  show(top, h('a', { class: 'brand', href: '#/' }, 'Lifeline'),
    session.me && h('nav', { 'aria-label': 'Views' }, Object.entries(views).filter(([, v]) => v.label && can(v.needs)).map(([n, v]) =>
      h('a', { href: `#/${n}`, 'aria-current': n === name ? 'page' : null }, v.label))),
    session.me && h('div', { class: 'who' }, linked, clock,
      h('span', {}, can('listPasskeys') ? h('a', { href: '#/account' }, h('b', {}, session.me.name)) : h('b', {}, session.me.name), ' ', h('span', { class: 'quiet' }, (session.me.roles ?? [session.me.role]).join(', '))),
      button('Sign out', signOut)), noticed)
}

// signOut ends the session, or forgets the token.
async function signOut() {
  try {
    if (session.me.session) await send('DELETE', path('sessions', session.me.session))
  } catch (e) {
    return say(e.message)
  }
  session.end('You are signed out.')
}

// address is the view that the hash names, with the parts of its path and its query.
function address() {
  const [where, q] = location.hash.replace(/^#\/?/, '').split('?')
  const [name, ...parts] = where.split('/').map(decodeURIComponent)
  return { name, parts, query: new URLSearchParams(q) }
}

async function route() {
  if (!session.me) return shown()
  const { name, parts, query } = address()
  const known = views[name]
  if (!known) {
    const first = Object.keys(views).find(n => can(views[n].needs))
    if (name === '' && first) return location.replace(`#/${first}`)
  }
  tidy()
  leave = new AbortController()
  here.zone = 'UTC'
  header()
  const { signal } = leave
  const told = tell => e => {
    if (e.name === 'AbortError' || signal.aborted || e.status === 401) return
    if (e.status === undefined) throw e
    tell(e)
  }
  const fail = told(e => say(e.message)) // what is shown, and what was typed, stays
  const title = text => {
    document.title = `${text} – Lifeline`
    return h('h1', { tabindex: '-1', 'data-key': 'title' }, text)
  }
  if (name === 'enrol') {
    return show(main, title('Enrol'), h('p', { class: 'note' }, `You are signed in as ${session.me.name}. A one-time code gives its person new passkeys, and whoever enrols with it signs in as that person: sign out first.`),
      h('p', {}, button('Sign out, and enrol', signOut)))
  }
  if (!known || !can(known.needs)) {
    const message = session.me.role === 'station' ? 'This token is a station’s player’s. People sign in with their own.'
      : known ? `The role ${session.me.role} may not see this. ${known.who ?? 'A scheduler or an administrator'} may.` : 'There is nothing here.'
    return show(main, title('Nothing to show'), h('p', { class: 'note' }, message))
  }
  show(main, h('p', { class: 'note' }, 'Loading…'))
  try {
    await known.view({ main, parts, query, signal, title, fail, hear: f => listeners.add(f) })
    if (!signal.aborted && !main.contains(document.activeElement)) main.querySelector('h1')?.focus({ preventScroll: true })
  } catch (e) {
    told(() => show(main, alert(e, button('Try again', route))))(e)
  }
}

// tidy ends the view that is shown.
function tidy() {
  leave.abort()
  listeners.clear()
  document.querySelectorAll('dialog[open]').forEach(d => d.close())
}

function signIn(why) {
  tidy()
  out?.abort()
  header()
  document.title = 'Sign in – Lifeline'
  shown(why)
}

// shown shows the form by which one signs in, or enrols.
function shown(why) {
  if (address().name === 'enrol') enrolForm(main, begin)
  else signInForm(main, why, begin)
}

// begin opens the session of the cookie, or of the token that is kept.
async function begin() {
  const before = Date.now()
  const told = await get(path('time'))
  setNow(told.now_ms + (Date.now() - before) / 2)
  session.me = await get(path('me'))
  out = new AbortController()
  if (session.me.session) notices(noticed, out.signal)
  if (can('followChanges')) {
    follow(out.signal, change => listeners.forEach(f => f(change)), state => {
      show(linked, badge(state === 'live' ? 'live' : 'waiting for the link', state === 'live' ? 'good' : 'warn'))
    })
  }
  await route()
}

session.onEnd = signIn
document.querySelector('.skip').addEventListener('click', e => { e.preventDefault(); main.focus() }) // the address is the view's
addEventListener('hashchange', route)
addEventListener('unhandledrejection', e => { if (e.reason?.name !== 'AbortError') say(`Something went wrong here: ${e.reason?.message ?? e.reason}`) })
setInterval(() => { clock.textContent = `${time(now(), here.zone)} ${here.zone}` }, 1000)

const back = returned()
if (back) enter(back).then(begin).catch(e => signIn(e.message))
else if (!session.token && !session.remembered) signIn()
else begin().catch(e => e.status === 401 ? session.lapsed() : show(main, alert(e, button('Try again', () => location.reload()))))
