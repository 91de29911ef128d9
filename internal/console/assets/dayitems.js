// The items of a day, window by window, as a timeline to read, and where now is in it.

import { can } from './api.js'
import { badge, button, h, link, show, solid, table } from './dom.js'
import { actions } from './dayedit.js'
import { explain } from './explain.js'
import { away, now, span, stamp, time } from './time.js'

const tones = { aired: 'good', late: 'warn', short: 'warn', substituted: 'warn', missed: 'bad', extra: 'quiet', planned: 'quiet', unreported: 'warn' }

// windows is every window of the state's rundown with its items, and what aired without a place. The state's tick moves
// what marks the present.
export function windows(state) {
  const { rundown, aired, queue, zone } = state
  const verdicts = new Map((aired?.items ?? []).filter(d => d.item_id).map(d => [d.item_id, d]))
  const gains = new Map((queue?.items ?? []).map(i => [i.segment_id, i.gain_db]))
  const extra = (aired?.items ?? []).filter(d => d.verdict === 'extra')
  const ticks = []
  const out = rundown.windows.map(w => section(state, w, rundown.items.filter(i => home(rundown, i) === w), verdicts, gains, ticks))
  if (!rundown.windows.length) out.push(h('p', { class: 'note' },
    rundown.status === 'withdrawn' ? 'This revision has no items: the day is withdrawn.' : 'No window is hired on this day.'))
  if (extra.length) out.push(h('section', {}, h('h2', {}, 'Aired without a place'), table('Aired without a place', [
    ['Started', d => time(d.started_at, zone)], ['Length', d => span(d.aired_ms), 'n'],
    ['Segment', d => link(`#/segments/${encodeURIComponent(d.segment_id)}`, d.segment_id)], ['Detail', d => d.detail]], extra)))
  state.tick = () => ticks.forEach(f => f(now()))
  state.tick()
  return out
}

// home is the window of an item: also of one that an edit moved past the end of its window.
function home(rundown, item) {
  const named = rundown.windows.filter(w => w.window === item.window)
  return named.findLast(w => Date.parse(w.start_at) <= Date.parse(item.start_at)) ?? named[0]
}

// least is the shortest time without an item that counts as a hole, in milliseconds: instants are rounded.
const least = 50

// holes is the time of a window that no item fills: before each item, by its id, and at the end.
function holes(w, items) {
  const before = new Map()
  let at = Date.parse(w.start_at)
  for (const i of items) {
    const start = Date.parse(i.start_at)
    if (start - at >= least) before.set(i.id, start - at)
    at = Math.max(at, start + i.duration_ms)
  }
  const end = Date.parse(w.end_at)
  return { before, after: end - at > w.tolerance_ms ? end - at : 0, beyond: at - end > w.tolerance_ms ? at - end : 0 }
}

// fullness is what a window is, in badges: full, or what is wrong with it.
function fullness({ before, after, beyond }) {
  const empty = [...before.values()].reduce((sum, ms) => sum + ms, after)
  const out = []
  if (empty) out.push(badge(`${span(empty)} empty`, 'bad'))
  if (beyond) out.push(badge(`${span(beyond)} too long`, 'bad'))
  return out.length ? out : badge('full', 'good')
}

function section(state, w, items, verdicts, gains, ticks) {
  const { zone } = state
  const start = Date.parse(w.start_at)
  const end = Date.parse(w.end_at)
  const open = holes(w, items)
  const soon = h('span', { class: 'quiet small' })
  const here = h('i', { class: 'nowline' })
  const bar = h('div', { class: 'bar', 'aria-hidden': 'true' }, [...items.flatMap(i => {
    const part = h('span', { class: `kind ${i.kind}`, title: `${time(i.start_at, zone)} ${i.title}` })
    part.style.setProperty('flex-grow', i.duration_ms)
    return [...gap(open.before.get(i.id)), part]
  }), ...gap(open.after)], here)
  const columns = ['Start', 'Length', 'Item', ...(gains.size ? ['Gain'] : []), 'Notes', ...(verdicts.size ? ['Aired'] : [])]
  const empty = ms => ms ? [h('tr', { class: 'hole' }, h('td', { colspan: columns.length }, badge(`${span(ms)} empty`, 'bad')))] : []
  const rows = [...items.flatMap(i => [...empty(open.before.get(i.id)),
    row(state, i, items, { verdict: verdicts.get(i.id), gain: gains.get(i.segment_id), columns }, ticks)]), ...empty(open.after)]
  ticks.push(at => {
    const inside = at >= start && at < end
    here.hidden = !inside
    here.style.setProperty('left', `${100 * (at - start) / (end - start)}%`)
    soon.textContent = inside ? 'on the air' : at < start ? `opens ${away(w.start_at)}` : ''
  })
  return h('section', { class: 'window' },
    h('h2', {}, w.window, ' ', h('span', { class: 'mono' }, `${time(w.start_at, zone)}–${time(w.end_at, zone)}`), ' ', soon),
    h('p', { class: 'row small' }, h('span', { class: 'quiet' }, `${time(w.start_at, 'UTC')}–${time(w.end_at, 'UTC')} UTC · ${span(end - start)} hired`),
      fullness(open)),
    bar, h('div', { class: 'wide' }, h('table', { class: 'items' }, h('caption', { class: 'hidden' }, `Items of ${w.window}`),
      h('thead', {}, h('tr', {}, columns.map(c => h('th', { scope: 'col' }, c)))), h('tbody', {}, rows))))
}

// gap is the part of a bar that stands for a hole.
function gap(ms) {
  if (!ms) return []
  const part = h('span', { title: `${span(ms)} empty` })
  part.style.setProperty('flex-grow', ms)
  return [part]
}

function row(state, item, items, { verdict, gain, columns }, ticks) {
  const { zone, rundown, open } = state
  const td = (label, ...content) => columns.includes(label) && h('td', { 'data-label': label, class: label === 'Gain' || label === 'Length' ? 'n' : null }, h('div', {}, content))
  const panel = h('tr', { class: 'panel', hidden: !open.has(item.id) }, h('td', { colspan: columns.length }))
  const toggle = button(item.title || item.segment_id, () => set(panel.hidden), { class: 'title', lang: item.language, 'aria-expanded': String(open.has(item.id)), 'data-key': item.id })
  const set = shown => {
    panel.hidden = !shown
    toggle.setAttribute('aria-expanded', String(shown))
    open[shown ? 'add' : 'delete'](item.id)
    if (shown) fill()
  }
  const fill = () => show(panel.firstChild, h('p', { class: 'row' }, link(`#/segments/${encodeURIComponent(item.segment_id)}`, item.segment_id),
    !state.fixed && actions(state, item, items)), can('explainItem') && explain(state, item))
  if (open.has(item.id)) fill()
  const turn = h('span', {})
  const line = h('tr', { 'data-item': item.id }, solid([
    td('Start', h('time', { class: 'mono', datetime: item.start_at }, time(item.start_at, zone)), h('div', { class: 'small quiet mono' }, `${time(item.start_at, 'UTC')} UTC`)),
    td('Length', span(item.duration_ms)),
    td('Item', toggle, turn, h('div', { class: 'small' }, h('span', { class: `kind ${item.kind}` }, item.kind), ' ',
      h('span', { class: 'quiet' }, [item.language, item.voice, item.position].filter(Boolean).join(' · ')))),
    td('Gain', gain === undefined ? '' : `${gain > 0 ? '+' : ''}${gain.toFixed(1)} dB`),
    td('Notes', notes(item, rundown)),
    td('Aired', verdict && [badge(verdict.verdict, tones[verdict.verdict]), h('div', { class: 'small quiet' }, heard(verdict, zone))])]))
  ticks.push(at => {
    const inside = at >= Date.parse(item.start_at) && at < Date.parse(item.start_at) + item.duration_ms
    if (inside === line.classList.contains('now')) return
    line.classList.toggle('now', inside)
    show(turn, inside && [' ', badge('now', 'good')])
  })
  return [line, panel]
}

// heard is what the station said of an item.
function heard(d, zone) {
  const out = []
  if (d.started_at) out.push(`${time(d.started_at, zone)} (${d.drift_ms >= 0 ? '+' : '−'}${Math.abs(d.drift_ms)} ms)`)
  if (d.substitute) out.push(`${d.substitute} instead`)
  if (d.detail) out.push(d.detail)
  if (d.starved_since) out.push(`starved since ${stamp(d.starved_since, zone)}`)
  return out.join(', ')
}

function notes(item, rundown) {
  const out = []
  if (item.start === 'hard') out.push('hard start')
  if (item.start === 'soft') out.push(`soft start, waits up to ${span(item.grace_ms)}`)
  if (item.chain) out.push('in a chain')
  if (item.locked) out.push('locked')
  if (item.fade_out_ms) out.push(`fades over ${span(item.fade_out_ms)}`)
  if (item.makes_good) out.push('makes good a miss')
  if (item.not_after) out.push(`must end by ${stamp(item.not_after, rundown.timezone)}`)
  const told = rundown.warnings.filter(w => w.item === item.id || w.items?.includes(item.id))
  return [h('span', { class: 'small' }, out.join(' · ')), told.map(w => h('div', {}, badge(w.message, 'warn long')))]
}
