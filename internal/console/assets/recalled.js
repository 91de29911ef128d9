// Which stations have said that they know of every recall.

import { all, get, path } from './api.js'
import { badge, h, later, show, table } from './dom.js'
import { away } from './time.js'

export function acknowledgements(signal, hear, fail) {
  const place = h('section', { class: 'recalled' })
  const load = async () => {
    const [standing, recalls] = await Promise.all([all(path('status'), { signal }), get(path('recalls'), { signal })])
    const knows = s => s.received_at && s.recalls_revision >= recalls.revision
    const left = standing.filter(s => !knows(s)).length
    show(place, h('h2', {}, 'Off the air'), h('p', {}, left ? badge(`${left} of ${standing.length} stations have not acknowledged yet`, 'bad long') : badge('every station has acknowledged', 'good')),
      table('Stations', [['Station', s => s.station], ['Acknowledged', s => knows(s) ? badge('yes', 'good') : badge('not yet', 'bad')],
        ['Last contact', s => s.received_at ? away(s.received_at) : 'never']], standing))
  }
  load().catch(fail)
  const reload = later(150, () => load().catch(fail))
  hear(c => { if (place.isConnected && ['status', 'recall', 'reset'].includes(c.kind)) reload() })
  return place
}
