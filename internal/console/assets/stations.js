// Who holds what: every station as it last said it stands.

import { all, can, get, path } from './api.js'
import { badge, h, later, link, show, table } from './dom.js'
import { away, day, now, stamp, time } from './time.js'

// An unchanged report is stored again only every ten minutes, so that a younger one says nothing.
const stale = 15 * 60_000
const farOff = 500 // ms that a clock may be off

export async function stations({ main, signal, title, hear, fail }) {
  let rows = []
  let alarms = []
  const place = h('div', {})
  const load = async () => {
    const [list, standing, recalls, told] = await Promise.all([all(path('stations'), { signal }), all(path('status'), { signal }), get(path('recalls'), { signal }),
      can('listAlarms') ? get(path('alarms'), { signal }) : { items: [] }])
    alarms = told.items.filter(a => !['player', 'station'].includes(a.code)) // which stand beside their stations
    const by = new Map(standing.map(s => [s.station, s]))
    rows = list.map(s => ({ ...by.get(s.id), id: s.id, name: s.name, zone: s.timezone, starved: s.starved, order: s.standing_order, recalls: recalls.revision }))
    draw()
  }
  const draw = () => show(place, alarms.map(a => h('p', {}, badge(a.message, 'bad long'))), h('p', { class: 'row' }, summary(rows)), table('Stations', columns, rows, 'There is no station yet.'))
  await load()
  show(main, title('Stations'), place)
  const reload = later(200, () => load().catch(fail))
  hear(c => { if (['reset', 'status', 'queue', 'recall', 'station'].includes(c.kind)) reload() })
  const timer = setInterval(draw, 15_000)
  signal.addEventListener('abort', () => clearInterval(timer))
}

// doubts are the problems of a station whose reports may not be its own.
const doubts = ['unsigned_reports', 'wrong_signatures', 'seized_reports', 'sequence_twice', 'old_status', 'recall_not_shown']

// standing is how a station is, the worst first.
export function standing(s) {
  if (s.standing?.some(p => p.code === 'no_fallback')) return ['no fallback', 'bad']
  if (s.standing?.some(p => p.code === 'open_time')) return ['a window is largely open', 'bad']
  if (s.standing?.some(p => p.code === 'order_stopped')) return ['the standing order stopped', 'bad']
  if (s.standing?.some(p => p.code === 'day_unplanned')) return ['a day cannot be planned', 'bad']
  if (s.standing?.some(p => p.code === 'day_unpublished')) return ['a day is not published', 'bad']
  if (s.standing?.some(p => p.code === 'held_twice')) return ['two days hold one time', 'bad']
  if (s.standing?.some(p => p.code === 'mass_recall')) return ['many recalls by one person', 'bad']
  if (s.standing?.some(p => p.code === 'two_players')) return ['several players', 'bad']
  if (s.standing?.some(p => doubts.includes(p.code))) return ['doubtful reports', 'bad']
  if (s.standing?.some(p => p.code === 'store_set_back')) return ['knows more than the service', 'bad']
  if (s.standing?.some(p => p.code === 'implausible')) return ['implausible revision', 'bad']
  if (!s.received_at) return ['never heard of', 'bad']
  if (now() - Date.parse(s.received_at) > stale) return ['stale', 'bad']
  if (s.alarms?.length) return ['alarm', 'bad']
  if (s.recalls_revision < s.recalls) return ['recall not acknowledged', 'bad']
  if (s.published_revision > s.queue_revision) return ['behind', 'warn']
  if (s.audio_missing > 0) return ['fetching audio', 'warn']
  if (s.standing?.some(p => p.code === 'fallback_reserve')) return ['only a reserve as fallback', 'warn']
  if (s.standing?.some(p => p.code === 'left_behind')) return ['published day left behind', 'warn']
  if (s.standing?.some(p => p.code === 'day_withdrawn')) return ['a day was withdrawn', 'warn']
  if (s.standing?.some(p => p.code === 'order_unconfirmed')) return ['the standing order is unconfirmed', 'warn']
  if (s.standing?.some(p => p.code === 'day_stands_in')) return ['a day airs no plan of its own', 'warn']
  if (s.problems?.length || s.standing?.length) return ['has problems', 'warn']
  return ['in step', 'good']
}

function summary(rows) {
  const count = new Map()
  for (const s of rows) {
    const [text, tone] = standing(s)
    count.set(text, { tone, n: (count.get(text)?.n ?? 0) + 1 })
  }
  return [...count].map(([text, { tone, n }]) => badge(`${n} ${text}`, tone))
}

// ahead is what the standing order of a station is, how far it got, and what it did last.
function ahead(s) {
  const o = s.standing_order
  if (!o || !s.order) return h('span', { class: 'quiet' }, 'by hand')
  const publishes = `${s.order.publish_days} of ${s.order.plan_days} days${s.order.publish === 'unwarned' ? ' without warnings' : ''}`
  return [o.published_until ? `published to ${o.published_until}` : h('b', { class: 'bad' }, 'nothing published'),
    h('div', { class: 'small quiet' }, o.planned_until ? `planned to ${o.planned_until}` : 'nothing planned'),
    h('div', { class: 'small quiet', title: `By ${s.order.by} on the day before; otherwise ${s.order.otherwise || 'repeat'}` }, `${publishes}, ordered by ${o.set_by}`),
    o.last_at && h('div', { class: 'small quiet' }, `${stamp(o.last_at, s.zone)}: ${o.last}`)]
}

const unheard = f => s => s.received_at ? f(s) : h('span', { class: 'quiet' }, '—')

const columns = [
  ['Station', s => [link(`#/day/${encodeURIComponent(s.id)}/${day(now(), s.zone)}`, s.name || s.id), h('div', { class: 'small quiet' }, `${s.id} · ${time(now(), s.zone).slice(0, 5)} there`)]],
  ['State', s => badge(...standing(s))],
  ['Holds', unheard(s => [s.queue_revision ? `r${s.queue_revision}` : 'nothing',
    s.published_revision && s.published_revision !== s.queue_revision ? h('b', {}, ` of r${s.published_revision}`) : '',
    h('div', { class: 'small quiet keep' }, s.queue_date)])],
  ['Ahead', ahead],
  ['Cover', unheard(s => [`${Math.max(0, s.cover_hours - (now() - Date.parse(s.received_at)) / 3_600_000).toFixed(1)} h`, s.lease_until && h('div', { class: 'small quiet' }, `lease until ${time(s.lease_until, s.zone).slice(0, 5)} there`), s.starved?.policy === 'drop_sensitive' && h('div', { class: 'small quiet' }, `nothing sensitive once starved for ${Math.round((s.starved.after_ms ?? 600_000) / 60_000)} min`)]), 'n'],
  ['Last contact', unheard(s => h('time', { datetime: s.received_at, title: `${stamp(s.received_at, s.zone)} ${s.zone}` }, away(s.received_at)))],
  ['Clock', unheard(s => [`${s.clock_offset_ms > 0 ? '+' : ''}${s.clock_offset_ms} ms`, Math.abs(s.clock_offset_ms) > farOff ? [' ', badge('off', 'warn')] : '']), 'n'],
  ['Audio', unheard(s => s.audio_missing ? `${s.audio_verified} of ${s.audio_verified + s.audio_missing}` : `${s.audio_verified}`), 'n'],
  ['Problems', s => {
    const alarms = (s.alarms ?? []).map(a => h('li', {}, h('b', { class: 'bad' }, a)))
    const others = [...(s.standing ?? []).map(p => p.message), ...(s.problems ?? []).slice(0, 3)].map(p => h('li', {}, p))
    return alarms.length + others.length ? h('ul', { class: 'plain' }, alarms, others) : h('span', { class: 'quiet' }, 'none')
  }],
]
