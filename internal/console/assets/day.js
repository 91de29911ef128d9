// A station's day: what is planned, what differs from what is published, and, once it is past, what aired.

import { all, can, get, maybe, path, query as withQuery } from './api.js'
import { badge, button, count, h, later, link, show } from './dom.js'
import { planDay, publishDay, withdrawDay } from './dayedit.js'
import { differences } from './differences.js'
import { windows } from './dayitems.js'
import { addDays, day as dayOf, here, now, offsetOf, stamp, weekday } from './time.js'

export async function day({ main, parts, query, signal, title, hear, fail }) {
  const list = await all(path('stations'), { signal })
  const station = list.find(s => s.id === parts[0]) ?? (parts[0] ? null : list[0])
  if (!station) return show(main, title('Day'), h('p', { class: 'note' }, list.length ? `There is no station ${parts[0]}.` : 'There is no station yet.'))
  const zone = station.timezone
  here.zone = zone
  const date = /^\d{4}-\d\d-\d\d$/.test(parts[1] ?? '') ? parts[1] : dayOf(now(), zone)
  const to = (s, d) => `#/day/${encodeURIComponent(s)}/${d}`
  const place = h('div', {})
  const asked = query.get('revision')
  const state = { station, date, zone, signal, open: new Set(), tick: () => {}, reload: null }

  state.reload = async () => {
    const at = path('stations', station.id, 'rundowns', date)
    const [rundown, queue, aired] = await Promise.all([
      maybe(withQuery(at, { revision: asked }), { signal }),
      can('getQueue') ? maybe(withQuery(path('stations', station.id, 'queue'), { date }), { signal }) : null,
      date <= dayOf(now(), zone) ? maybe(path('stations', station.id, 'reconciliation', date), { signal }) : null])
    const owed = aired?.make_goods.length ? await owedOf(station.id, date, signal) : []
    const draft = rundown?.status === 'draft' && queue
    const changes = draft ? (await get(withQuery(at + '/diff', { from: queue.revision, to: rundown.revision }), { signal })).items : null
    const seen = JSON.stringify([rundown, queue?.revision, aired, owed])
    if (seen === state.seen) return // what is open stays open
    Object.assign(state, { seen, at, rundown, queue, aired, owed, changes, fixed: asked !== null || date < dayOf(now(), zone) || !can('editRundown') })
    draw()
  }
  const draw = () => {
    const { rundown, queue, changes, aired, owed } = state
    const told = (station.problems ?? []).filter(p => p.date === date)
    show(place, h('div', { class: 'row spread' }, standing(state, to), tools(state)),
      told.length > 0 && h('ul', { class: 'plain' }, told.map(p => h('li', {}, badge(p.message, 'bad long')))),
      !rundown && h('p', { class: 'note' }, 'Nothing is planned for this day yet.'),
      rundown?.warnings.length > 0 && warnings(rundown),
      changes && differences(changes, queue.revision, zone),
      aired && rundown && totals(aired, owed),
      rundown && windows(state))
  }
  await state.reload()
  const go = (s, d) => { location.hash = to(s, d) }
  show(main, title(`${station.name || station.id}, ${weekday(date)} ${date}`),
    h('form', { class: 'row', onsubmit: e => e.preventDefault() },
      h('label', {}, 'Station ', h('select', { 'data-key': 'station', onchange: e => go(e.target.value, date) },
        list.map(s => h('option', { value: s.id, selected: s.id === station.id }, s.name || s.id)))),
      button('‹', () => go(station.id, addDays(date, -1)), { 'aria-label': 'The day before', 'data-key': 'before' }),
      h('label', {}, h('span', { class: 'hidden' }, 'Date'), h('input', { type: 'date', value: date, 'data-key': 'date', onchange: e => e.target.value && go(station.id, e.target.value) })),
      button('›', () => go(station.id, addDays(date, 1)), { 'aria-label': 'The day after', 'data-key': 'after' }),
      button('Today', () => go(station.id, dayOf(now(), zone))),
      h('span', { class: 'quiet small' }, `${zone} (${offsetOf(date + 'T12:00:00Z', zone)})`)),
    place)
  const reload = later(150, () => state.reload().catch(fail))
  let looked = now()
  const timer = setInterval(() => {
    state.tick()
    if (date !== dayOf(now(), zone) || document.hidden || now() - looked < 30_000) return
    looked = now() // what a station aired is not told by the change stream
    reload()
  }, 1000)
  signal.addEventListener('abort', () => clearInterval(timer))
  hear(c => {
    const own = c.name === `${station.id}/${date}` && ['queue', 'rundown'].includes(c.kind)
    if (own || c.kind === 'reset') reload()
  })
}

// standing says which revision is shown, and which one the station has.
function standing({ rundown, queue, station, date }, to) {
  if (!rundown) return h('p', {})
  const published = rundown.status === 'published', withdrawn = rundown.status === 'withdrawn'
  const out = [published ? badge('published', 'good') : badge(rundown.status, 'warn'), ` revision ${rundown.revision}`,
    published && h('span', { class: 'quiet' }, `, ${stamp(rundown.published_at)}`)]
  if (withdrawn) out.push('. The station airs its fallback in the hours of this day’s windows, until it is planned anew and published')
  else if (!published && queue?.withdrawn) out.push('. What was published of this day is withdrawn')
  else if (!published && queue) out.push('. Published: ', link(`${to(station.id, date)}?revision=${queue.revision}`, `revision ${queue.revision}`))
  if (!published && !queue && can('getQueue')) out.push('. Nothing is published yet.')
  return h('p', {}, out)
}

function tools(state) {
  const { rundown, fixed, station, date } = state
  if (fixed) {
    return rundown && location.hash.includes('?') && h('p', {}, link(`#/day/${encodeURIComponent(station.id)}/${date}`, 'Go to the latest'))
  }
  return h('p', { class: 'row' },
    button(rundown ? 'Plan anew…' : 'Plan…', () => planDay(state), { class: rundown ? '' : 'main', 'data-key': 'plan' }),
    state.queue && !state.queue.withdrawn && can('withdrawDay') && button('Withdraw…', () => withdrawDay(state), { 'data-key': 'withdraw' }),
    rundown?.status === 'draft' && button('Publish…', () => publishDay(state), { class: 'main', 'data-key': 'publish' }))
}

const warnings = rundown => h('details', {}, h('summary', {}, badge(count(rundown.warnings.length, 'warning'), 'warn')),
  h('ul', {}, rundown.warnings.map(w => h('li', {}, w.window && h('b', {}, `${w.window}: `), w.message))))

// owedOf is what is still owed of a day: not yet made good, and not waived.
const owedOf = async (station, date, signal) => (await Promise.all(['owed', 'planned'].map(state => all(withQuery(path('make-goods'), { station, state }), { signal }))))
  .flat().filter(m => m.date === date)

function totals(aired, owed) {
  const tone = { aired: 'good', late: 'warn', short: 'warn', substituted: 'warn', missed: 'bad', extra: 'quiet', unreported: 'warn' }
  const counts = Object.entries(aired.totals).filter(([, n]) => n > 0)
  if (!counts.length) return null
  const planned = owed.filter(m => m.state === 'planned').length
  return h('p', { class: 'row' }, h('span', {}, `What aired of revision ${aired.revision}:`), counts.map(([verdict, n]) => badge(`${n} ${verdict}`, tone[verdict])),
    owed.length > 0 && h('span', {}, `${owed.length} owed`, planned > 0 && `, ${planned} of them planned again`))
}
