// What schedulers do to a day: plan, edit by hand, publish. Every change says which revision it starts from.

import { change, get, path, Problem, query } from './api.js'
import { button, count, h, later, say, show } from './dom.js'
import { differences } from './differences.js'
import { ask, field } from './form.js'
import { span, time } from './time.js'

// edit sends edits that start from a revision.
async function edit(state, edits, from) {
  const r = await change('PATCH', state.at, { edits }, from)
  say(`Saved as revision ${r.revision}${r.warnings.length ? `, with ${count(r.warnings.length, 'warning')}` : ''}.`)
  await state.reload()
}

// askOf asks for what is to be done to the day as it is shown now: act gets the values and the revision. When somebody
// else was first, the day is shown as it is now, behind the dialog, and what was typed stays for another try.
function askOf(state, { act, ...dialog }) {
  let from = state.rundown?.revision
  return ask({ ...dialog, act: v => act(v, from), onStale: async () => {
    await state.reload()
    from = state.rundown?.revision
    return [h('p', {}, h('b', {}, 'Someone else changed this day meanwhile. '), `What you typed is still here; the day behind it is now revision ${from}. Send it again if it still fits.`)]
  } })
}

// directly makes an edit that needs no more to be known.
function directly(state, edits) {
  return async event => {
    event.target.disabled = true
    try {
      await edit(state, edits, state.rundown.revision)
    } catch (e) {
      if (e.status === undefined) throw e
      say(e.stale ? 'Someone else changed this day meanwhile. It is shown as it is now: do it again if it still fits.' : e.message)
      if (e.stale) await state.reload()
    } finally {
      event.target.disabled = false
    }
  }
}

// actions are the edits of one item.
export function actions(state, item, items) {
  const i = items.indexOf(item)
  const what = item.title || item.segment_id
  const act = (label, onclick) => button(label, onclick, { 'aria-label': `${label} ${what}`, 'data-key': `${label} ${item.id}` })
  return [
    act(item.locked ? 'Unlock' : 'Lock', directly(state, [{ op: item.locked ? 'unlock' : 'lock', item: item.id }])),
    act('Replace…', () => pick(state, `Replace ${what}`, 'Replace', segment => ({ op: 'replace', item: item.id, segment }))),
    act('Insert after…', () => pick(state, `Insert after ${what}`, 'Insert', segment => ({ op: 'insert', after: item.id, segment }))),
    i > 0 && act('Earlier', directly(state, [{ op: 'move', item: item.id, before: items[i - 1].id }])),
    i < items.length - 1 && act('Later', directly(state, [{ op: 'move', item: item.id, after: items[i + 1].id }])),
    act('Move…', () => move(state, item)),
    act('Remove', directly(state, [{ op: 'remove', item: item.id }])),
  ]
}

function move(state, item) {
  const others = state.rundown.items.filter(i => i.id !== item.id)
  return askOf(state, { title: `Move ${item.title || item.segment_id}`, action: 'Move',
    fields: [field({ name: 'edits', label: 'To the place before', options: others.map(i => [i.id, `${time(i.start_at, state.zone)} ${i.title} (${i.window})`]) })],
    act: (v, from) => edit(state, [{ op: 'move', item: item.id, before: v.edits }], from) })
}

// pick asks for an approved segment, and edits with it.
function pick(state, title, action, toEdit) {
  const found = h('div', { class: 'picks', role: 'radiogroup', 'aria-label': 'Segments' })
  const search = later(200, async q => {
    const page = await get(query(path('segments'), { q, state: 'approved', limit: 30 }), { signal: state.signal })
    show(found, page.items.length ? page.items.map(s => h('label', {}, h('input', { type: 'radio', name: 'segment', value: s.id }), ' ', h('b', {}, s.title),
      h('span', { class: 'quiet' }, ` ${s.kind} · ${s.language} · ${span(s.recording?.cue_out_ms - s.recording?.cue_in_ms)} · ${s.id}`))) : h('p', { class: 'quiet' }, 'No approved segment has these words.'))
  })
  search('')
  return askOf(state, { title, action,
    fields: [field({ name: 'q', label: 'Find', type: 'search', oninput: e => search(e.target.value) }), h('div', { 'data-field': 'edits' }, found, h('p', { class: 'wrong' }))],
    act: async (v, from) => {
      if (!v.segment) throw new Problem(0, { detail: 'Choose a segment first.' })
      await edit(state, [toEdit(v.segment)], from)
    } })
}

export function planDay(state) {
  const { rundown } = state
  return askOf(state, { title: `Plan ${state.date}`, action: 'Plan',
    body: h('p', { class: 'quiet' }, rundown ? 'What is published and frozen, or locked, stays. The rest is planned anew, as a draft.' : 'This makes a draft: nothing goes to air before you publish it.'),
    fields: [field({ name: 'seed', label: 'Seed', type: 'number', min: 0, step: 1, value: rundown?.seed ?? 1, hint: 'The same seed gives the same day; another one, another day.' })],
    act: async (v, from) => {
      const r = await change('POST', state.at + '/plan', { seed: Number(v.seed) }, from)
      say(`Planned: revision ${r.revision}, ${count(r.items.length, 'item')}.`)
      await state.reload()
    } })
}

export function withdrawDay(state) {
  return askOf(state, { title: 'Withdraw the published day', action: 'Withdraw',
    body: h('p', { class: 'quiet' }, 'Its station lets go of the day and airs its fallback in the hours of its windows. Nothing of it is owed.'),
    fields: [field({ name: 'reason', label: 'Reason', required: true })],
    act: async (v, from) => {
      await change('POST', state.at + '/withdraw', { reason: v.reason }, from)
      say('Withdrawn. Its station is told at once.')
      await state.reload()
    } })
}

export function publishDay(state) {
  const { rundown, changes, queue, zone } = state
  return askOf(state, { title: `Publish revision ${rundown.revision}`, action: 'Publish',
    body: changes ? differences(changes, queue.revision, zone) : h('p', { class: 'quiet' }, 'Its station is told at once.'),
    fields: [field({ name: 'correction', label: 'Correction', hint: 'Only where a frozen window must change, or the day loses over half of its time: why.' })],
    act: async (v, from) => {
      try {
        await change('POST', state.at + '/publish', { correction: v.correction }, from)
      } catch (e) {
        throw named(e)
      }
      say('Published. Its station is told at once.')
      await state.reload()
    } })
}

// named leaves out the ids of items, which the messages name by window, time and title.
function named(e) {
  e.errors = (e.errors ?? []).map(x => ({ ...x, field: x.field.startsWith('item ') ? '' : x.field }))
  return e
}
