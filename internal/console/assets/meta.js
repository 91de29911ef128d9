// A segment's editorial fields as a form, and back.

import { h } from './dom.js'
import { field } from './form.js'
import { kinds } from './library.js'

const list = v => v.split(/[,\s]+/).filter(Boolean)

// metaFields are the fields, filled from a segment.
export function metaFields(s = {}) {
  const instant = (name, label, v) => field({ name, label: `${label} (UTC)`, type: 'datetime-local', step: 'any', value: v ? v.slice(0, 23) : '' })
  return h('div', { class: 'fields' },
    field({ name: 'title', label: 'Title', value: s.title ?? '', required: true }),
    field({ name: 'kind', label: 'Kind', value: s.kind ?? 'reading', options: kinds }),
    field({ name: 'language', label: 'Language', value: s.language ?? 'ko-KP', required: true, hint: 'BCP 47, such as ko-KP; zxx for music' }),
    field({ name: 'voice', label: 'Voice', value: s.voice ?? '' }),
    field({ name: 'series', label: 'Series', value: s.series ?? '' }),
    field({ name: 'episode', label: 'Episode', type: 'number', min: 0, value: s.episode ?? '', hint: 'Its number in the series, by which a serial airs in order.' }),
    field({ name: 'tags', label: 'Tags', value: (s.tags ?? []).join(', ') }),
    field({ name: 'persons', label: 'Persons named', value: (s.persons ?? []).join(', '), hint: 'Their ids. One recall takes all that name a person off the air.' }),
    field({ name: 'sensitive', label: 'Sensitive', value: String(s.sensitive ?? false), options: [['false', 'no'], ['true', 'yes']], hint: 'Airs only under a lease that its station renews.' }),
    instant('consent.given_at', 'Consent given', s.consent?.given_at),
    instant('consent.expires_at', 'Consent ends', s.consent?.expires_at),
    field({ name: 'consent.reference', label: 'Consent filed at', value: s.consent?.reference ?? '' }),
    field({ name: 'script', label: 'Script', value: s.script ? `${s.script.id} ${s.script.version}: ${s.script.passages.join(', ')}` : '', hint: 'Id, version: passages, such as appeal 3: 1, 2' }),
    field({ name: 'intro', label: 'Introduced by', value: s.intro ?? '', hint: 'Id of a segment' }),
    field({ name: 'back_announce', label: 'Closed by', value: s.back_announce ?? '', hint: 'Id of a segment' }),
    instant('valid_from', 'May air from', s.valid_from),
    instant('valid_until', 'Must end by', s.valid_until))
}

// metaOf is the metadata that a form's values stand for.
export function metaOf(v) {
  const text = name => v[name].trim()
  const instant = name => v[name] ? new Date(v[name] + 'Z').toISOString() : null
  const consent = { given_at: instant('consent.given_at'), expires_at: instant('consent.expires_at'), reference: text('consent.reference') }
  return { title: text('title'), kind: v.kind, language: text('language'), voice: text('voice'), series: text('series'), episode: Number(v.episode) || 0, tags: list(v.tags), persons: list(v.persons),
    sensitive: v.sensitive === 'true', consent: Object.values(consent).some(Boolean) ? consent : null, script: scriptOf(text('script')),
    intro: text('intro'), back_announce: text('back_announce'), valid_from: instant('valid_from'), valid_until: instant('valid_until') }
}

// scriptOf reads "appeal 3: 1, 2"; what is not like that is sent as far as it goes, for the service to say what is wrong.
function scriptOf(text) {
  const [, id, version, passages] = /^(\S+)\s+(\d+)\s*:\s*([\d,\s]*)$/.exec(text) ?? [null, text, 0, '']
  return text ? { id, version: Number(version), passages: list(passages).map(Number) } : null
}

// differing is what of b is not as in a: a merge patch.
export const differing = (a, b) => Object.fromEntries(Object.entries(b).filter(([name, v]) => JSON.stringify(v) !== JSON.stringify(a[name])))
