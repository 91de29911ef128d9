// Times for people: instants in a zone, durations, and the service's clock.

let offset = 0 // service minus browser, in milliseconds

// setNow learns the service's clock, so that a browser whose clock is wrong misleads nobody.
export function setNow(ms) { offset = ms - Date.now() }

export const now = () => Date.now() + offset

const formats = new Map()
function parts(zone, at) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: '2-digit',
      day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'shortOffset' }))
  }
  return Object.fromEntries(formats.get(zone).formatToParts(new Date(at)).map(p => [p.type, p.value]))
}

// here is the zone that the view's clock shows: the station's that the view is about, else UTC.
export const here = { zone: 'UTC' }

// time is the time of day of an instant in a zone.
export function time(at, zone) {
  const p = parts(zone, at)
  return `${p.hour}:${p.minute}:${p.second}`
}

// day is the date of an instant in a zone, as the API writes it.
export function day(at, zone = 'UTC') {
  const p = parts(zone, at)
  return `${p.year}-${p.month}-${p.day}`
}

export const weekday = date => parts('UTC', date + 'T12:00:00Z').weekday

export const offsetOf = (at, zone) => parts(zone, at).timeZoneName.replace('GMT', 'UTC')

// stamp is a whole instant to read; nothing for none.
export const stamp = (at, zone = 'UTC') => at ? `${day(at, zone)} ${time(at, zone)}${zone === 'UTC' ? ' UTC' : ''}` : ''

export function addDays(date, n) {
  const d = new Date(date + 'T12:00:00Z')
  d.setUTCDate(d.getUTCDate() + n)
  return d.toISOString().slice(0, 10)
}

// span is a duration of milliseconds as h:mm:ss or m:ss, with tenths where they say something.
export function span(ms) {
  if (ms === null || ms === undefined) return ''
  const sign = ms < 0 ? '−' : ''
  let tenths = Math.round(Math.abs(ms) / 100)
  const rest = tenths % 10
  const s = (tenths - rest) / 10
  const two = n => String(n).padStart(2, '0')
  const hours = Math.floor(s / 3600)
  const text = hours ? `${hours}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
  return sign + text + (rest && !hours ? `.${rest}` : '')
}

// away is how far an instant is, in words.
export function away(at) {
  const s = Math.round((now() - Date.parse(at)) / 1000)
  const n = Math.abs(s)
  const words = n < 90 ? `${n} s` : n < 5400 ? `${Math.round(n / 60)} min` : n < 172800 ? `${Math.round(n / 3600)} h` : `${Math.round(n / 86400)} days`
  return s >= 0 ? `${words} ago` : `in ${words}`
}
