// Who changed what, and when.

import { get, path, query as withQuery } from './api.js'
import { h, show, table } from './dom.js'
import { fieldName, fieldValue } from './fields.js'
import { field, submits } from './form.js'
import { addDays, day, now, stamp } from './time.js'

const most = 2000 // changes shown at once

const columns = [
  ['When', a => h('span', { class: 'mono' }, stamp(a.at))], ['Who', a => a.by || a.remote_address],
  ['Did', a => [a.action, a.reason && h('div', { class: 'small quiet' }, a.reason), ...(a.fields || []).map(f => h('div', { class: 'small' }, told(f)))]],
  ['To', a => [a.kind, ' ', h('b', {}, a.id)]], ['Revision', a => a.to_revision ? `${a.from_revision} → ${a.to_revision}` : '', 'n'],
]

const told = f => f.hidden ? `${fieldName(f.field)}: changed` : `${fieldName(f.field)}: ${fieldValue(f.field, f.before) || 'none'} → ${fieldValue(f.field, f.after) || 'none'}`

export async function audit({ main, signal, title }) {
  const today = day(now())
  const place = h('div', {})
  let asked = { from: today, to: addDays(today, 1), by: '', kind: '', id: '' }
  // The service tells the oldest first; people look for the latest.
  const load = async () => {
    const { from, to, ...more } = asked
    const rows = []
    let cursor = ''
    do {
      const page = await get(withQuery(path('audit'), { ...more, from: from && `${from}T00:00:00.000Z`, to: to && `${to}T00:00:00.000Z`, limit: 500, cursor }), { signal })
      rows.push(...page.items)
      cursor = page.next_cursor
    } while (cursor && rows.length < most)
    show(place, cursor && h('p', { class: 'note' }, `These are the first ${rows.length} changes of the period: choose a shorter one to see the rest.`),
      table('Changes', columns, rows.reverse(), 'Nothing was changed.'))
  }
  const form = submits(h('form', { class: 'row filters', novalidate: true },
    field({ name: 'from', label: 'From (UTC)', type: 'date', value: asked.from }), field({ name: 'to', label: 'Up to, without', type: 'date', value: asked.to }),
    field({ name: 'by', label: 'Who' }), field({ name: 'kind', label: 'Kind' }), field({ name: 'id', label: 'Id' }),
    h('button', { type: 'submit', class: 'main' }, 'Show')), async v => {
    asked = v
    await load()
  })
  await load()
  show(main, title('Audit'), form, place)
}
