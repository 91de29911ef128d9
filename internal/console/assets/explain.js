// Why an item is where it is.

import { get } from './api.js'
import { count, h, show, table } from './dom.js'
import { span, stamp } from './time.js'

const methods = { kept: 'The plan had to keep this item.', fixed: 'The clock names this segment.', due: 'It was the most overdue segment that no rule refused.', closing: 'It belongs to the set that fills the rest of the time.',
  search: 'It belongs to the first sequence that fills the rest of the time.', demand: 'It meets a demand of a rule, a campaign or a make-good.' }

const figure = (unit, n) => unit === 'ms' ? span(n) : `${n} ${unit ?? ''}`
// slack says a rule's limit and the value here; refused, why a segment is refused. Both are in the service's words
// (schedules.Refusal.String).
const slack = s => s.has < 0 ? `${s.rule}: limit ${figure(s.unit, s.need)}, here none` : `${s.rule}: limit ${figure(s.unit, s.need)}, here ${figure(s.unit, s.has)}`
function refused({ rule, unit, need = 0, has = 0 }) {
  const exact = unit && unit !== 'weight' && (need !== 0 || has > 0)
  if (rule === 'length') return exact ? `lasts ${span(need)}, and ${span(Math.max(has, 0))} is free` : 'does not fit into the free time'
  if (rule === 'validity') return 'may not air at this time (validity, script or campaign)'
  return exact ? slack({ rule, unit, need, has }) : rule
}

// explain is filled when the answer is there.
export function explain({ at, rundown, signal }, item) {
  const place = h('div', { class: 'why' }, h('p', { class: 'quiet' }, 'Looking up why…'))
  const about = `${at}/items/${encodeURIComponent(item.id)}/explain?revision=${rundown.revision}`
  get(about, { signal }).then(e => show(place, told(e)),
    e => { if (e.name !== 'AbortError') show(place, h('p', { class: 'wrong' }, e.message)) })
  return place
}

const placedBy = { planner: 'A plan put it here', repair: 'A repair of the published day put it here', repeat: 'The standing order repeats another day', person: 'A person put it here' }

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
        ['Result', c => c.refused ? refused(c.refused) : e.choice.aired.includes(c.segment) ? 'chosen' : '']], first),
      candidates.length > first.length && h('p', { class: 'small quiet' }, `and ${candidates.length - first.length} more`)),
  ]
}
