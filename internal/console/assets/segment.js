// One segment: its facts, how it sounds, where it airs, and what may be done with it.

import { all, byMe, can, change, get, maybe, path, query } from './api.js'
import { badge, button, facts, h, later, say, show, solid, table } from './dom.js'
import { ask, field } from './form.js'
import { segmentLink, stateOf } from './library.js'
import { differing, metaFields, metaOf } from './meta.js'
import { acknowledgements } from './recalled.js'
import { span, stamp, time } from './time.js'
import { player } from './wave.js'

export async function segment({ main, parts, signal, title, hear, fail }) {
  const at = path('segments', parts[0])
  let s = await get(at, { signal })
  let sounds = null // the recording that is shown: drawn once, so that it plays on while other things change
  let heard = () => undefined // how much of it was played, in percent
  let recalled = null
  const head = h('div', {})
  const sound = h('div', {})
  const about = h('div', {})
  const airings = h('div', {})
  const draw = () => {
    show(head, h('div', { class: 'row spread' }, title(s.title || s.id), h('p', { class: 'row' }, acts(at, s, take, () => heard()))), standing(s))
    if (s.recording?.duration_ms && sounds !== s.recording.sha256) {
      sounds = s.recording.sha256
      const p = player(at, s, signal, fail)
      heard = p.heard
      show(sound, p.shown)
    }
    show(about, s.state === 'recalled' && (recalled ??= acknowledgements(signal, hear, fail)), editorial(s), measured(s.recording))
  }
  const take = latest => { s = latest; draw() }
  const again = async () => take(await get(at, { signal }))
  draw()
  show(main, head, sound, about, airings)
  Promise.all([maybe(query(`${at}/airings`, { limit: 100 }), { signal }), can('listStations') ? all(path('stations'), { signal }) : []]).then(([page, list]) =>
    show(airings, h('h2', {}, 'Airings'), table('Airings', airingColumns(new Map(list.map(st => [st.id, st.timezone]))), page?.items ?? [],
      'It is planned nowhere from four weeks ago to two weeks ahead.')), fail)
  const reload = later(150, () => again().catch(fail))
  hear(c => { if (c.kind === 'reset' || c.kind === 'segment' && c.name === s.id && c.revision !== s.revision) reload() })
}

// airingColumns show each airing in its station's own time, as far as the zones are known.
const airingColumns = zones => [
  ['Station', a => a.station], ['Day', a => h('a', { href: `#/day/${encodeURIComponent(a.station)}/${a.date}` }, a.date)], ['Window', a => a.window],
  ['Planned', a => a.planned_at ? time(a.planned_at, zones.get(a.station) ?? 'UTC') : ''], ['Aired', a => a.started_at ? time(a.started_at, zones.get(a.station) ?? 'UTC') : ''],
  ['Time of', a => zones.get(a.station) ?? 'UTC'], ['Outcome', a => a.outcome],
]

function standing(s) {
  const progress = s.analysis && s.analysis.of > 0 && `, ${Math.round(100 * s.analysis.bytes / s.analysis.of)}% measured`
  const own = s.state === 'pending' && can('approveSegment') && mine(s)
  const others = s.same_recording ?? []
  return [h('p', {}, stateOf(s), progress, s.rejection && h('span', {}, ` ${s.rejection.message}`), h('span', { class: 'quiet small' }, ` ${s.id} · revision ${s.revision}`)),
    others.length > 0 && h('p', { class: 'note' }, 'The same recording is also ', others.map((o, n) => [n > 0 && ', ', segmentLink(o.id), ` (${o.state})`])),
    s.state === 'rejected' && h('p', { class: 'note' }, rejectedByPerson(s) ? 'A person rejected it: reinstate it, or upload another recording.' : 'Its recording cannot air: upload another.'),
    own && h('p', { class: 'note' }, `${own} Another person must approve it.`)]
}

// rejectedByPerson is whether it can be reinstated: what the analysis rejects needs another recording.
const rejectedByPerson = s => s.state === 'rejected' && s.rejection?.code === 'editorial'

// mine is why this person may not approve the segment, or nothing.
const mine = s => byMe(s.uploaded_by, s.uploaded_by_id) ? 'You uploaded this.' : byMe(s.reinstated_by, s.reinstated_by_id) ? 'You reinstated this.'
  : s.edits?.some(e => byMe(e.by, e.by_id)) ? 'You changed this.' : ''

// acts are what the role may do to the segment as it stands. An approval is of the revision that was looked at; a recall is
// of whatever is there. heard is how much of the recording was played, in percent.
function acts(at, s, take, heard) {
  const is = (...states) => states.includes(s.state)
  const act = (name, { title, danger, needed = true, body, of, more }) => button(`${title}…`, () => ask({ title: `${title} “${s.title || s.id}”`, action: title, danger, body: body?.(),
    fields: [field({ name: 'reason', label: 'Reason', rows: 2, required: needed })],
    act: async v => {
      take(await change('POST', `${at}/${name}`, { reason: v.reason.trim(), ...more?.() }, of))
      say(`${title}: done.`)
    },
    onStale: async () => [h('p', {}, h('b', {}, 'Someone else changed it since you opened this. '), 'Cancel, and look and listen again first.')] }), { class: danger ? 'danger' : '', 'data-key': name })
  return solid([
    can('approveSegment') && is('pending') && !mine(s) && act('approve', { title: 'Approve', needed: false, of: s.revision, ...approval(s, heard) }),
    can('rejectSegment') && is('pending', 'approved') && act('reject', { title: 'Reject', body: () => h('p', { class: 'quiet' }, 'Reinstating it, or another recording, undoes this; then another person must approve it.') }),
    can('reinstateSegment') && (is('recalled') || rejectedByPerson(s)) && act('reinstate', { title: 'Reinstate', body: () => h('p', { class: 'quiet' }, 'Another person must approve it before it airs again. Time of published days that is still open is then filled again; to put it anywhere else, plan the days anew.') }),
    can('recallSegment') && !is('recalled') && act('recall', { title: 'Recall', danger: true,
      body: () => h('p', {}, h('b', {}, 'This takes it off the air everywhere, now. '), 'It leaves every queue, frozen or not, and every station is told.') }),
    can('editSegment') && button('Edit…', () => edit(at, s, take), { 'data-key': 'edit' }),
  ])
}

const heardEnough = 90 // percent

// approval is what an approval says: how much was heard; and of a recording of which listeners miss a part, or hardly hear
// anything, that whoever goes on accepts that.
const approval = (s, heard) => {
  const grave = s.to_accept?.length > 0
  return { danger: grave, more: () => ({ ...(grave && { accept_warnings: true }), heard_percent: heard() }),
    body: () => [heard() < heardEnough && h('p', {}, badge(`You heard ${heard()}% of it here. The approval says so.`, 'warn long')),
      grave && h('p', {}, h('b', {}, s.to_accept.map(w => w.message).join(' ')), ' Approving accepts this, on record.')] }
}

// approved is who approved it last, and how much was heard for that.
function approved({ approval: a, recording: r }) {
  if (!a) return null
  const heard = a.heard_percent === undefined ? 'how much was heard is not measured' : `${a.heard_percent}% heard`
  return [a.by, h('div', { class: 'small quiet' }, stamp(a.at)), a.heard_percent < heardEnough ? badge(`only ${heard}`, 'warn') : h('div', { class: 'small quiet' }, heard),
    a.sha256 !== r?.sha256 && h('div', {}, badge('another recording', 'warn'))]
}

// edit changes the editorial fields. Only what was changed is sent, so that another's change of other fields stays; when
// somebody was first, what they changed is told, and what was typed stays.
function edit(at, s, take) {
  let base = s
  const before = metaOf(formValues(s))
  return ask({ title: `Edit “${s.title || s.id}”`, action: 'Save', fields: [metaFields(s)],
    act: async v => {
      const patch = differing(before, metaOf(v))
      if (Object.keys(patch).length) take(await change('PATCH', at, patch, base.revision))
    },
    onStale: async () => {
      const latest = await get(at)
      const theirs = differing(metaOf(formValues(base)), metaOf(formValues(latest)))
      base = latest
      return [h('div', {}, h('p', {}, h('b', {}, 'Someone else changed it meanwhile. '), 'What you typed is still here. Save again to put it over theirs; what you did not touch stays as they left it.'),
        h('ul', {}, Object.entries(theirs).map(([name, v]) => h('li', {}, `${name} is now `, h('b', {}, typeof v === 'string' ? v || 'empty' : JSON.stringify(v))))))]
    } })
}

const formValues = s => Object.fromEntries([...metaFields(s).querySelectorAll('[name]')].map(e => [e.name, e.value]))

const editorial = s => facts([['Erased', s.erased && `for good, at ${stamp(s.erased.at)} (erasure ${s.erased.id})`], ['Kind', h('span', { class: `kind ${s.kind}` }, s.kind)], ['Language', s.language], ['Can air on', s.airable_on?.length > 0 ? s.airable_on.join(', ')
  : s.airable_on && badge('nowhere: no window of any station allows this language', 'warn long')], ['Voice', s.voice], ['Series', s.series], ['Episode', s.episode],
  ['Tags', s.tags?.join(', ')], ['Persons named', s.persons?.join(', ')], ['Sensitive', s.sensitive && 'airs only under a lease'], ['Consent', s.consent && [s.consent.expires_at ? `ends ${stamp(s.consent.expires_at)}` : 'does not end', s.consent.reference && h('div', { class: 'small quiet' }, s.consent.reference)]],
  ['Script', s.script && `${s.script.id} ${s.script.version}, passages ${s.script.passages.join(', ')}`],
  ['Introduced by', s.intro && segmentLink(s.intro)], ['Closed by', s.back_announce && segmentLink(s.back_announce)],
  ['May air from', stamp(s.valid_from)], ['Must end by', stamp(s.valid_until)], ['Uploaded by', s.uploaded_by], ['Last approved by', approved(s)],
  ['Not approved yet', s.edits?.length > 0 && s.edits.map(e => h('div', {}, `${e.fields.join(', ')}, changed by ${e.by} `, stamp(e.at)))]])

function measured(r) {
  if (!r?.duration_ms) return null
  const lu = (v, unit) => typeof v === 'number' ? `${v.toFixed(1)} ${unit}` : null
  return [facts([['Length', span(r.duration_ms)], ['Cues', `${span(r.cue_in_ms)} – ${span(r.cue_out_ms)}`], ['Loudness', lu(r.integrated_lufs, 'LUFS')], ['Range', lu(r.range_lu, 'LU')],
    ['Short term at most', lu(r.max_short_term_lufs, 'LUFS')], ['Momentary at most', lu(r.max_momentary_lufs, 'LUFS')], ['True peak', lu(r.true_peak_dbtp, 'dBTP')],
    ['Form', `${r.sample_rate_hz / 1000} kHz, ${['', 'mono', 'stereo'][r.channels]}, ${r.bitrate_kbps} kb/s ${r.bitrate_mode}`],
    ['Size', `${(r.bytes / 1e6).toFixed(1)} MB`], ['SHA-256', h('span', { class: 'mono small' }, r.sha256)]]),
  (r.warnings ?? []).map(w => h('p', {}, badge(w.message, 'warn long')))]
}
