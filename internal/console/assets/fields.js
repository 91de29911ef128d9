// What changes of a field, in words: as the command line tells it.

// fieldName is the name of a field: "windows 1, length" for windows.0.length_ms.
export const fieldName = field => field.split('.').reduce((out, part) => /^\d+$/.test(part) && out.length ? [...out.slice(0, -1), `${out.at(-1)} ${Number(part) + 1}`] : [...out, words(part)], []).join(', ')

const words = name => name.replace(/_ms$/, '').replaceAll('_', ' ')
const texts = ['title', 'voice', 'series', 'name', 'reference', 'message'] // of people, whatever they look like

// fieldValue is a value of a field; nothing for none.
export function fieldValue(field, value) {
  const name = field.split('.').at(-1)
  if (!value || texts.includes(name)) return value ?? ''
  try {
    return valueOf(name, JSON.parse(value))
  } catch {
    return value // a text
  }
}

function valueOf(name, v) {
  if (v === null || v === '') return 'none'
  if (typeof v === 'boolean') return v ? 'yes' : 'no'
  if (typeof v === 'number') return name.endsWith('_ms') ? `${v / 1000} s` : String(v)
  if (Array.isArray(v)) return v.map(one => valueOf(name, one)).join(v.some(one => typeof one === 'object') ? '; ' : ', ') || 'none'
  if (typeof v !== 'object') return v
  if (v.segment_id && v.start_at) return `${v.start_at} ${v.segment_id} ${v.title ?? ''}`.trim()
  return Object.keys(v).sort().map(k => `${words(k)} ${v[k] && typeof v[k] === 'object' && !Array.isArray(v[k]) ? `(${valueOf(k, v[k])})` : valueOf(k, v[k])}`).join(', ') || 'none'
}
