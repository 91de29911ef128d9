// A segment's editorial fields as a form, and back.

import { h } from './dom.js'
import { field } from './form.js'
import { kinds } from './library.js'

const list = v => v.split(/[,\s]+/).filter(Boolean)

// metaFields are the fields, filled from a segment.
export function metaFields(s = {}) {
  const instant = v => v ? v.slice(0, 16) : ''
  return h('div', { class: 'fields' },
    field({ name: 'title', label: 'Title', value: s.title ?? '', required: true }),
    field({ name: 'kind', label: 'Kind', value: s.kind ?? 'reading', options: kinds }),
    field({ name: 'language', label: 'Language', value: s.language ?? 'ko-KP', required: true, hint: 'BCP 47, such as ko-KP; zxx for music' }),
    field({ name: 'voice', label: 'Voice', value: s.voice ?? '' }),
    field({ name: 'series', label: 'Series', value: s.series ?? '' }),
    field({ name: 'tags', label: 'Tags', value: (s.tags ?? []).join(', ') }),
    field({ name: 'persons', label: 'Persons named', value: (s.persons ?? []).join(', '), hint: 'Their ids. One recall takes all that name a person off the air.' }),
    field({ name: 'script', label: 'Script', value: s.script ? `${s.script.id} ${s.script.version}: ${s.script.passages.join(', ')}` : '', hint: 'Id, version: passages, such as appeal 3: 1, 2' }),
    field({ name: 'intro', label: 'Introduced by', value: s.intro ?? '', hint: 'Id of a segment' }),
    field({ name: 'back_announce', label: 'Closed by', value: s.back_announce ?? '', hint: 'Id of a segment' }),
    field({ name: 'valid_from', label: 'May air from (UTC)', type: 'datetime-local', value: instant(s.valid_from) }),
    field({ name: 'valid_until', label: 'Must end by (UTC)', type: 'datetime-local', value: instant(s.valid_until) }))
}

// metaOf is the metadata that a form's values stand for.
export function metaOf(v) {
  const [, id, version, passages] = /^\s*(\S+)\s+(\d+)\s*:\s*([\d,\s]*)$/.exec(v.script) ?? []
  const script = !v.script.trim() ? null : id ? { id, version: Number(version), passages: list(passages).map(Number) } : { id: v.script.trim(), version: 0, passages: [] }
  const instant = text => text ? `${text}:00.000Z`.replace(/(:\d\d:\d\d):00\.000Z$/, '$1.000Z') : null
  return { title: v.title.trim(), kind: v.kind, language: v.language.trim(), voice: v.voice.trim(), series: v.series.trim(), tags: list(v.tags),
    persons: list(v.persons), script, intro: v.intro.trim(), back_announce: v.back_announce.trim(), valid_from: instant(v.valid_from), valid_until: instant(v.valid_until) }
}

// differing is what of b is not as in a: a merge patch.
export const differing = (a, b) => Object.fromEntries(Object.entries(b).filter(([name, v]) => JSON.stringify(v) !== JSON.stringify(a[name])))
