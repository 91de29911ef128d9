// What is one's own: passkeys, and where one is signed in. And the recovery of another person.

import { all, can, change, path, send, session } from './api.js'
import { badge, button, h, say, show, table } from './dom.js'
import { ask, field } from './form.js'
import { make } from './passkey.js'
import { recovered } from './people.js'
import { stamp } from './time.js'

export async function account({ main, signal, title, fail }) {
  const keys = h('div', {})
  const places = h('div', {})
  const load = async () => {
    const [passkeys, sessions] = await Promise.all([all(path('passkeys'), { signal }), all(path('sessions'), { signal })])
    show(keys, table('Passkeys', [
      ['Passkey', k => k.name], ['Made', k => stamp(k.created_at)], ['Last used', k => stamp(k.used_at)],
      ['', k => session.me.session && button('End…', () => ask({ title: `End the passkey “${k.name}”`, action: 'End it', danger: true,
        body: h('p', { class: 'quiet' }, 'It signs nobody in any more. Do this for a device that is lost or was wiped.'),
        act: async () => { await send('DELETE', path('passkeys', k.id)); await load() } }), { 'aria-label': `End passkey ${k.name}` })],
    ], passkeys, 'You have no passkeys. An administrator gives you a one-time code.'))
    show(places, table('Sessions', [
      ['Where', s => [s.by, s.present && [' ', badge('this one', 'good')], h('div', { class: 'small quiet' }, s.agent)]], ['Signed in by', s => s.provider ?? 'passkey'], ['From', s => s.remote],
      ['Signed in', s => stamp(s.created_at)], ['Last used', s => stamp(s.used_at)], ['Ends', s => stamp(s.expires_at)],
      ['', s => !s.present && button('End', () => end(s).then(load, fail), { 'aria-label': `End session of ${s.by} since ${stamp(s.created_at)}` })],
    ], sessions, 'You are signed in by a token.'))
  }
  const add = () => ask({ title: 'Add a passkey', action: 'Make it', fields: [field({ name: 'name', label: 'Name', hint: 'Such as “grey key”.' })],
    act: async ({ name }) => {
      await change('POST', path('passkeys'), await make(await change('POST', path('passkeys', 'options')), name.trim()))
      await load()
      say('The passkey was added.')
    } })
  const recover = () => ask({ title: 'Recover a person', action: 'Approve', fields: [field({ name: 'person', label: 'Person', required: true, hint: 'The id of the person who lost every passkey.' })],
    body: h('p', { class: 'quiet' }, 'Make sure that it is that person. A second person must approve, too, and gets a code to hand over.'),
    act: ({ person }) => change('POST', path('people', person.trim(), 'recovery')) }).then(recovered)
  await load()
  show(main, title('You'), h('div', { class: 'row spread' }, h('h2', {}, 'Passkeys'), can('addPasskey') && button('Add a passkey…', add)), keys, h('h2', {}, 'Where you are signed in'), places,
    can('recoverMember') && [h('h2', {}, 'Others'), h('p', {}, button('Recover a person…', recover))])
}

const end = s => send('DELETE', path('sessions', s.id))

const knownAs = 'lifeline.sessions' // the sessions that the person knows of
const known = () => JSON.parse(localStorage.getItem(knownAs) ?? '[]')

// notices shows each other sign-in of the person once, until the signal.
export function notices(place, signal) {
  const look = async () => {
    const sessions = await all(path('sessions'), { signal })
    const fresh = sessions.filter(s => !s.present && !known().includes(s.id))
    const knows = s => {
      localStorage.setItem(knownAs, JSON.stringify([...known(), s.id].filter(id => id === s.id || sessions.some(o => o.id === id))))
      return look()
    }
    show(place, fresh.map(s => h('p', { class: 'note row', role: 'status' }, `New sign-in as you: ${s.by}${s.remote ? ` from ${s.remote}` : ''}${s.provider ? `, by the identity provider ${s.provider}` : ''}, ${stamp(s.created_at)}.`,
      button('It was me', () => knows(s), { 'aria-label': `It was me, ${stamp(s.created_at)}` }), button('End it', () => end(s).then(look), { 'aria-label': `End it, ${stamp(s.created_at)}`, class: 'danger' }))))
  }
  const again = () => look().catch(() => {}) // the next look tells
  again()
  const timer = setInterval(again, 60_000)
  signal.addEventListener('abort', () => { clearInterval(timer); show(place) })
}
