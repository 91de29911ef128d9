// Find segments.

import { can, get, path, query as withQuery } from './api.js'
import { badge, button, h, later, link, show, table } from './dom.js'
import { span, stamp } from './time.js'

export const kinds = ['reading', 'intro', 'back-announce', 'ident', 'sign-on', 'sign-off', 'frequency', 'time-signal', 'news', 'commentary', 'testimony',
  'interview', 'letter', 'names', 'music', 'bed', 'promo', 'correction', 'evergreen']
const states = ['analysing', 'pending', 'approved', 'rejected', 'recalled']
const tones = { approved: 'good', pending: 'warn', analysing: 'quiet', rejected: 'bad', recalled: 'bad' }

export const stateOf = s => badge(s.state, tones[s.state])

export const segmentLink = (id, text, lang) => h('a', { href: `#/segments/${encodeURIComponent(id)}`, lang }, text || id)

const columns = [
  ['Segment', s => [segmentLink(s.id, s.title, s.language), h('div', { class: 'small quiet' }, s.id)]],
  ['Kind', s => h('span', { class: `kind ${s.kind}` }, s.kind)],
  ['Language', s => [s.language, s.voice && h('div', { class: 'small quiet' }, s.voice)]],
  ['Length', s => span(s.recording?.duration_ms), 'n'],
  ['Loudness', s => typeof s.recording?.integrated_lufs === 'number' ? `${s.recording.integrated_lufs.toFixed(1)} LUFS` : '', 'n'],
  ['State', s => [stateOf(s), s.valid_until && h('div', { class: 'small quiet' }, `until ${stamp(s.valid_until).slice(0, 10)}`)]],
]

export async function library({ main, query, signal, title, hear, fail }) {
  const place = h('div', {})
  const filter = Object.fromEntries(['q', 'kind', 'language', 'state', 'tag', 'script'].map(n => [n, query.get(n) ?? '']))
  let rows = []
  let looks = 0 // an answer that comes after a later question is dropped
  const load = async cursor => {
    const look = ++looks
    const page = await get(withQuery(path('segments'), { ...filter, limit: 50, cursor }), { signal })
    if (look !== looks) return
    rows = cursor ? [...rows, ...page.items] : page.items
    show(place, table('Segments', columns, rows, 'No segment is like that.'),
      page.next_cursor && h('p', {}, button('More', () => load(page.next_cursor).catch(fail), { 'data-key': 'more' })),
      h('p', { class: 'small quiet', role: 'status' }, `${rows.length}${page.next_cursor ? ' of more' : ''}`))
  }
  const narrow = later(200, () => {
    history.replaceState(null, '', withQuery('#/library', filter))
    load().catch(fail)
  })
  const set = e => { filter[e.target.name] = e.target.value.trim(); narrow() }
  const choice = (name, label, list) => h('label', {}, label, h('select', { name, onchange: set },
    ['', ...list].map(v => h('option', { value: v, selected: v === filter[name] }, v || 'all'))))
  const text = (name, label, more) => h('label', {}, label, h('input', { name, value: filter[name], oninput: set, size: 8, ...more }))
  await load()
  show(main, h('div', { class: 'row spread' }, title('Library'), can('startUpload') && link('#/upload', 'Upload a recording')),
    h('form', { class: 'row filters', role: 'search', onsubmit: e => e.preventDefault() },
      text('q', 'Words', { type: 'search', size: 20 }), choice('kind', 'Kind', kinds), choice('state', 'State', states),
      text('language', 'Language'), text('tag', 'Tag'), text('script', 'Script')), place)
  const reload = later(400, () => { if (rows.length <= 50) load().catch(fail) })
  hear(c => { if (c.kind === 'segment' || c.kind === 'reset') reload() })
}
