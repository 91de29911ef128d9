// What waits for a second person: changes, and erasures. And what is left of what was erased.

import { all, byMe, can, change, get, path } from './api.js'
import { badge, button, count, facts, h, later, say, show, table } from './dom.js'
import { fieldName, fieldValue } from './fields.js'
import { ask, field } from './form.js'
import { segmentLink } from './library.js'
import { away, stamp } from './time.js'

const limited = at => [stamp(at), h('div', { class: 'small quiet' }, away(at))]

// text is a value in whatever script, which does not turn the text around it.
const text = v => v === undefined || v === '' ? h('span', { class: 'quiet' }, 'none') : h('bdi', { class: 'value' }, v)

export async function waiting({ main, signal, title, hear, fail }) {
  const place = h('div', {})
  const list = async name => can(name === 'waiting' ? 'listWaiting' : 'listErasures') ? all(path(name), { signal }) : []
  const load = async () => {
    const [changes, erasures] = await Promise.all([list('waiting'), list('erasures')])
    const asked = erasures.filter(e => e.state === 'asked')
    const decided = erasures.filter(e => e.state !== 'asked')
    show(place, h('h2', {}, 'Changes'), changes.map(w => changeShown(w, acted)), !changes.length && h('p', { class: 'note' }, 'No change waits for a second person.'),
      can('listErasures') && [h('h2', {}, 'Erasures'), asked.map(e => erasureShown(e, acted, fail)), !asked.length && h('p', { class: 'note' }, 'No erasure waits for a second person.'),
        decided.length > 0 && h('h2', {}, 'What was erased'), decided.length > 0 && table('What was erased', erased, decided)])
  }
  // acted tells what was done; what it was done to is gone, so the focus goes to the top.
  const acted = async told => {
    say(told)
    await load()
    main.querySelector('h1')?.focus()
  }
  await load()
  const reload = later(150, () => load().catch(fail))
  hear(c => { if (['waiting', 'erasure', 'reset'].includes(c.kind)) reload() })
  show(main, title('Waiting for a second person'), place)
}

// subject says in a few words what a change is about, for those who hear the names of its buttons.
const subject = w => `${w.action} ${w.documents.map(d => d.id).join(', ')}`

const nameOf = d => d.kind === 'segment' ? segmentLink(d.id) : h('b', {}, d.id)

function changeShown(w, acted) {
  const mine = byMe(w.by, w.person)
  const stale = w.documents.some(d => d.stale)
  return h('section', { class: 'waits', 'aria-label': subject(w) }, h('h3', {}, w.action),
    facts([['Asked by', [w.by, mine && [' ', badge('you')]]], ['Asked', limited(w.at)], ['Dropped', limited(w.expires_at)], ['Why two persons', text(w.why)], ['Reason', w.reason && text(w.reason)]]),
    stale && h('p', {}, badge('It has changed since, so this cannot be confirmed: withdraw it, look again, and ask again.', 'bad long')),
    w.documents.map(d => [h('h4', {}, d.kind, ' ', nameOf(d), d.delete && [' ', badge('would be deleted', 'bad')]),
      !d.delete && table(`What would change of ${d.kind} ${d.id}`, fieldColumns, d.fields ?? [], 'No field that is shown would change.')]),
    h('p', { class: 'row' },
      !mine && !stale && can('confirmWaiting') && decide(w, 'confirm', 'Confirm', h('p', {}, 'This makes the change, at once, with your name beside that of ', h('b', {}, w.by), '.'), acted),
      can('withdrawWaiting') && decide(w, 'withdraw', mine ? 'Withdraw' : 'Reject', h('p', { class: 'quiet' }, 'Nothing is changed. Who wants it asks again.'), acted, true)))
}

const fieldColumns = [['Field', f => fieldName(f.field)],
  ['Before', f => f.hidden ? h('span', { class: 'quiet' }, 'not shown to you') : text(fieldValue(f.field, f.before))],
  ['After', f => f.hidden ? h('span', { class: 'quiet' }, 'not shown to you') : text(fieldValue(f.field, f.after))]]

const decide = (w, act, label, body, acted, danger) => button(`${label}…`, () => ask({ title: `${label} ${w.action}`, action: label, danger,
  body: [h('p', {}, w.documents.map(d => `${d.kind} ${d.id}`).join(', ')), body],
  act: () => change('POST', path('waiting', w.id, act)) }).then(done => done && acted(`${label}: done.`)), { class: danger ? 'danger' : 'main', 'data-key': `${act} ${w.id}`, 'aria-label': `${label} ${subject(w)}` })

// goes is what an erasure takes.
const goes = e => [['Segments', e.segments.map((s, n) => [n > 0 && ', ', segmentLink(s.id), ` (${s.kind}, ${s.language})`])],
  ['Recordings', e.recordings.map(r => h('div', { class: 'mono small' }, `${r.sha256.slice(0, 12)}… of ${r.segment}`))], ['Person', e.person && text(e.person)], ['Member', e.member && text(e.member)], ['Unfinished uploads', e.uploads || null]]
  .filter(([, v]) => !Array.isArray(v) || v.length > 0)

function erasureShown(e, acted, fail) {
  const mine = byMe(e.asked_by)
  const about = e.person || e.member || e.segments.map(s => s.id).join(', ') || count(e.recordings.length, 'recording')
  const named = label => ({ 'aria-label': `${label} erasure of ${about}`, 'data-key': `${label} ${e.id}` })
  const act = async (name, label, body, of) => {
    const done = await ask({ title: `${label} the erasure of ${about}`, action: label, danger: true, body, fields: [field({ name: 'reason', label: 'Reason', rows: 2, required: true })],
      act: v => change('POST', path('erasures', e.id, name), { reason: v.reason.trim() }, of) })
    if (done) await acted(`${label}: done.`)
  }
  // All that goes is fetched anew and shown; the confirmation is of that revision.
  const confirm = async () => {
    const now = await get(path('erasures', e.id))
    await act('confirm', 'Confirm', [h('p', {}, h('b', {}, 'This erases for good, everywhere. '), 'No one act undoes it. The segments leave the air at once.'), facts(goes(now)),
      now.names?.length > 0 && table('Names that go from every text', [['Name', n => text(n.name)], ['Documents that have it', n => n.documents ?? '', 'n']], now.names),
      now.outside?.length > 0 && h('p', { class: 'quiet' }, `It does not reach: ${now.outside.join('; ')}.`)], now.revision)
  }
  return h('section', { class: 'waits', 'aria-label': `erasure of ${about}` }, h('h3', {}, 'Erase ', h('bdi', {}, about)),
    facts([['Asked by', [e.asked_by, mine && [' ', badge('you')]]], ['Asked', limited(e.asked_at)], ['Reason', text(e.reason)], ...goes(e)]),
    h('p', { class: 'row' }, !mine && can('confirmErasure') && button('Confirm…', () => confirm().catch(fail), { class: 'danger', ...named('Confirm') }),
      can('dropErasure') && button(`${mine ? 'Withdraw' : 'Reject'}…`, () => act('drop', mine ? 'Withdraw' : 'Reject', h('p', { class: 'quiet' }, 'Nothing is erased.'), e.revision), named(mine ? 'Withdraw' : 'Reject'))))
}

const tones = { done: 'good', dropped: 'quiet' }
const erased = [['Erasure', e => [badge(e.state, tones[e.state] ?? 'warn'), h('div', { class: 'small mono' }, e.id)]], ['Reason', e => text(e.reason)],
  ['Of', e => [e.segments.map(s => s.id).join(', '), h('div', { class: 'small quiet' }, count(e.recordings.length, 'recording'))]],
  ['Asked by', e => [e.asked_by, h('div', { class: 'small quiet' }, stamp(e.asked_at))]], ['Decided by', e => [e.decided_by, h('div', { class: 'small quiet' }, stamp(e.decided_at))]],
  ['Done', e => stamp(e.done_at)], ['Left', e => e.state === 'dropped' ? '' : [(e.left ?? []).map(l => h('div', {}, l)), (e.outside ?? []).map(l => h('div', { class: 'small quiet' }, l))]]]
