// What was planned, aired, missed and made good in a period, and what is owed.

import { all, can, change, get, path, query as withQuery, save } from './api.js'
import { badge, button, h, say, show, table, tableRow } from './dom.js'
import { ask, field, submits } from './form.js'
import { segmentLink } from './library.js'
import { addDays, day, now, span, stamp } from './time.js'

const groups = [['segment', 'Segment'], ['station,day', 'Station and day'], ['station', 'Station'], ['day', 'Day'], ['language', 'Language'], ['campaign', 'Campaign'],
  ['script,passage,language', 'Script, passage and language'], ['segment,station', 'Segment and station']]
const counts = ['planned', 'to_come', 'unreported', 'aired', 'short', 'missed', 'made_good', 'extra']
const tones = { owed: 'bad', planned: 'warn', aired: 'good', waived: 'quiet' }

export async function reports({ main, query, signal, title, fail }) {
  const today = day(now())
  const asked = { from: query.get('from') || addDays(today, -7), to: query.get('to') || addDays(today, 1), group: query.get('group') || 'segment', station: query.get('station') ?? '' }
  const stations = await all(path('stations'), { signal })
  const place = h('div', {})
  const owed = h('div', {})
  const address = () => withQuery(path('reports', 'airings'), asked)
  const name = kind => `airings-${asked.from}-${asked.to}.${kind}`
  const load = async () => {
    const r = await get(address(), { signal })
    show(place, report(r), h('p', { class: 'row noprint' }, button('Save as CSV', () => save(address(), 'text/csv', name('csv')).catch(fail)),
      button('Save the page to print', () => save(address(), 'text/html', name('html')).catch(fail)), button('Print this', () => print())))
    await loadOwed()
  }
  const loadOwed = async () => {
    const page = await get(withQuery(path('make-goods'), { station: asked.station, limit: 100 }), { signal })
    show(owed, h('h2', {}, 'Make-goods'), table('Make-goods', [...owedColumns, ...(can('waiveMakeGood') ? [['', m => waive(m, loadOwed)]] : [])], page.items, 'Nothing is owed.'),
      page.next_cursor && h('p', { class: 'quiet' }, 'The first hundred are shown.'))
  }
  const form = submits(h('form', { class: 'row filters noprint', novalidate: true },
    field({ name: 'from', label: 'From', type: 'date', value: asked.from }), field({ name: 'to', label: 'Up to, without', type: 'date', value: asked.to }),
    field({ name: 'group', label: 'By', options: groups, value: asked.group }),
    field({ name: 'station', label: 'Station', options: [['', 'all'], ...stations.map(s => [s.id, s.name || s.id])], value: asked.station }),
    h('button', { type: 'submit', class: 'main' }, 'Show')), async v => {
    Object.assign(asked, v)
    await load()
    history.replaceState(null, '', withQuery('#/reports', asked))
  })
  await load()
  show(main, title('Reports'), form, place, owed)
}

// report is the table of a report, with its totals.
function report(r) {
  const keys = { segment: row => [segmentLink(row.segment, row.title || row.segment)], campaign: row => row.campaign, script: row => row.script, passage: row => row.passage,
    language: row => row.language, station: row => row.station, day: row => row.day }
  const columns = [...r.group.map(g => [g, keys[g]]), ...counts.map(c => [c.replace('_', ' '), row => row[c] || h('span', { class: 'quiet' }, '0'), 'n']),
    ['planned time', row => span(row.planned_ms), 'n'], ['aired time', row => span(row.aired_ms), 'n']]
  const out = table(`Airings from ${r.from} up to ${r.to}`, columns, r.rows, 'Nothing was planned, and nothing aired.')
  if (r.rows.length) {
    const total = tableRow(columns.map(([label, cell, c], i) => [label, i === 0 ? () => h('b', {}, 'Total') : i < r.group.length ? () => '' : cell, c]), r.totals)
    out.querySelector('table').append(h('tfoot', {}, total))
  }
  return out
}

const owedColumns = [
  ['Segment', m => segmentLink(m.segment_id)], ['Station', m => m.station], ['Missed', m => stamp(m.missed_at)], ['Why', m => [m.verdict, m.detail && h('div', { class: 'small quiet' }, m.detail)]],
  ['State', m => badge(m.state, tones[m.state])], ['By', m => m.by ? stamp(m.by.start_at) : m.waived_by ? `${m.waived_by}: ${m.reason ?? ''}` : ''],
]

const waive = (m, then) => ['owed', 'planned'].includes(m.state) && button('Waive…', () => ask({ title: `Owe ${m.segment_id} no longer`, action: 'Waive',
  fields: [field({ name: 'reason', label: 'Reason', rows: 2 })],
  act: async v => {
    await change('POST', path('stations', m.station, 'make-goods', m.id, 'waive'), { reason: v.reason.trim() })
    say('Waived.')
    await then()
  } }), { 'aria-label': `Waive ${m.segment_id}` })
