// Why an item is where it is.

import { get } from './api.js'
import { count, h, show, table } from './dom.js'
import { span, stamp } from './time.js'

const methods = { kept: 'It was to stay.', fixed: 'The clock names it.', due: 'The most overdue candidate that no rule refuses.', closing: 'One of the set that fills what was left.',
  search: 'One of the first sequence that fills what was left.', demand: 'A rule, a campaign or a make-good asks for it.' }

const figure = (unit, n) => unit === 'ms' ? span(n) : `${n} ${unit ?? ''}`
const slack = s => `${s.rule}: needs ${figure(s.unit, s.need)}, has ${figure(s.unit, s.has)}`

// explain is filled when the answer is there.
export function explain({ at, rundown, signal }, item) {
  const place = h('div', { class: 'why' }, h('p', { class: 'quiet' }, 'Looking up why…'))
  const about = `${at}/items/${encodeURIComponent(item.id)}/explain?revision=${rundown.revision}`
  get(about, { signal }).then(e => show(place, told(e)),
    e => { if (e.name !== 'AbortError') show(place, h('p', { class: 'wrong' }, e.message)) })
  return place
}

const placedBy = { planner: 'A plan put it here', repair: 'A repair of the published day put it here', person: 'A person put it here' }

function told(e) {
  const candidates = e.choice?.candidates ?? []
  const first = candidates.slice(0, 12)
  return [
    h('p', {}, h('b', {}, 'Why: '), e.why || methods[e.choice?.method] || '—'),
    e.placed_by && h('p', { class: 'small quiet' }, `${placedBy[e.placed_by]}${e.by ? `: ${e.by}` : ''}, in revision ${e.placed_in}.`),
    e.last_aired && h('p', { class: 'small quiet' }, `${count(e.airings, 'airing')} before, the last at ${stamp(e.last_aired)}`, e.due_rank > 0 && ` · ${e.due_rank} more overdue`),
    e.bent?.length > 0 && h('ul', {}, e.bent.map(s => h('li', {}, 'Bends ', slack(s)))),
    first.length > 0 && h('details', {}, h('summary', {}, count(candidates.length, 'candidate')),
      table('Candidates', [['Segment', c => c.segment], ['Length', c => span(c.duration_ms), 'n'], ['Last aired', c => stamp(c.last_aired) || 'never'],
        ['Refused by', c => c.refused ? slack({ ...c.refused, need: c.refused.need ?? 0, has: c.refused.has ?? 0 }) : e.choice.aired.includes(c.segment) ? 'chosen' : '']], first),
      candidates.length > first.length && h('p', { class: 'small quiet' }, `and ${candidates.length - first.length} more`)),
  ]
}
