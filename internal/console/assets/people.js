// The persons who work with the service: an administrator's page.

import { all, can, change, get, path } from './api.js'
import { badge, button, h, say, show, table } from './dom.js'
import { ask, field } from './form.js'
import { stamp } from './time.js'

const roles = ['admin', 'producer', 'scheduler', 'viewer']
const list = text => text.split(/[\s,]+/).filter(Boolean)

// recovered tells what came of the approval of a recovery; null if it was called off.
export const recovered = got => !got ? null : got.code ? codeShown(got) : say(`Approved. A second person must approve until ${stamp(got.expires_at)}.`)

// codeShown shows a one-time code, once.
const codeShown = got => ask({ title: `The code of ${got.person}`, action: 'Done', act: () => true,
  body: [h('p', {}, h('b', { class: 'mono', id: 'code' }, got.code)), h('p', { class: 'quiet' }, `Hand it over in person, not by mail. It works once, until ${stamp(got.expires_at)}, with “I have a one-time code” where one signs in.`)] })

// recovery tells who recovers a person, and until when.
const recovery = r => h('div', { class: 'small' }, badge('recovery', 'warn'), ' ', r.code
  ? `A code for new passkeys was made ${r.by ? `by ${r.by.join(' and ')}` : 'on the service’s machine'}, ${stamp(r.since)}. It can be used until ${stamp(r.expires_at)}.`
  : `Begun by ${r.by.join(' and ')}, ${stamp(r.since)}. A second person must approve until ${stamp(r.expires_at)}.`)

function fieldsOf(p) {
  return [field({ name: 'name', label: 'Name', value: p.name ?? '', required: true }),
    field({ name: 'roles', label: 'Roles', value: (p.roles ?? []).join(', '), required: true, hint: `Of ${roles.join(', ')}.` }),
    field({ name: 'languages', label: 'Languages', value: (p.languages ?? []).join(', '), hint: 'In which the person may change content, such as ko, zh. Empty: every one.' }),
    field({ name: 'stations', label: 'Stations', value: (p.stations ?? []).join(', '), hint: 'For which the person may schedule, by id. Empty: every one.' }),
    p.id ? field({ name: 'sensitive', label: 'Hears what is sensitive', value: String(p.sensitive ?? false), options: [['false', 'no'], ['true', 'yes: also sees persons and consent']], hint: 'A yes waits for a second person: change nothing else with it.' }) : []]
}

const given = v => ({ name: v.name.trim(), roles: list(v.roles), languages: list(v.languages), stations: list(v.stations), ...(v.sensitive && { sensitive: v.sensitive === 'true' }) })

export async function people({ main, signal, title }) {
  const place = h('div', {})
  const { provider: issuer } = await get(path('sign-in'), { signal })
  const load = async () => {
    const rows = await all(path('people'), { signal })
    show(place, table('Persons', [
      ['Person', p => [p.name, h('div', { class: 'small quiet' }, p.id)]], ['State', p => [p.active ? badge('active', 'good') : badge('ended'), p.recovery && recovery(p.recovery)]],
      ['Roles', p => p.roles.join(', ')], ['Languages', p => (p.languages ?? []).join(', ') || 'all'], ['Stations', p => (p.stations ?? []).join(', ') || 'all'],
      ['', p => h('p', { class: 'row' }, acts(p))],
    ], rows, 'There is nobody yet.'))
  }
  const named = (label, p, act, more) => button(`${label}…`, act, { 'aria-label': `${label} ${p.id}`, ...more })
  const acts = p => [
    named('Change', p, () => ask({ title: `Change ${p.name}`, action: 'Change', fields: fieldsOf(p), act: async v => {
      await change('PATCH', path('people', p.id), given(v), p.revision)
      await load()
    } })),
    named(p.active ? 'End' : 'Activate', p, () => ask({ title: `${p.active ? 'End' : 'Activate'} ${p.name}`, action: p.active ? 'End' : 'Activate', danger: p.active,
      body: p.active && h('p', { class: 'quiet' }, 'Tokens and sessions of the person end at once.'), act: async () => {
        await change('PATCH', path('people', p.id), { active: !p.active }, p.revision)
        await load()
      } }), { class: p.active ? 'danger' : '' }),
    (issuer || p.identities) && named('Identities', p, () => identities(p)),
    p.active && named('Code', p, () => ask({ title: `A one-time code for ${p.name}`, action: 'Make it', body: h('p', { class: 'quiet' }, 'For a person who has no passkeys yet. A new code replaces an earlier one.'),
      act: () => change('POST', path('people', p.id, 'code')) }).then(recovered)),
    p.active && can('recoverMember') && named('Recover', p, () => ask({ title: `Recover ${p.name}`, action: 'Approve', body: h('p', { class: 'quiet' }, 'For a person who lost every passkey. Make sure that it is that person. A second person must approve, too, and gets the code to hand over.'),
      act: () => change('POST', path('people', p.id, 'recovery')) }).then(async got => { await recovered(got); await load() })),
  ]
  // identities changes by which identities of the provider a person may sign in, which it knows by their subjects.
  const identities = p => {
    const others = (p.identities ?? []).filter(i => i.issuer !== issuer)
    return ask({ title: `Identities of ${p.name}`, action: 'Change',
      body: [h('p', { class: 'quiet' }, 'Whoever signs in there as one of these signs in here as this person. Who tries, and is not linked, is told the subject: take it from the person, in person. You and the person then count as one where two persons are needed.'),
        others.map(i => h('p', { class: 'small' }, `Of another provider, which signs nobody in: ${i.subject} at ${i.issuer}`))],
      fields: [issuer ? field({ name: 'identities', label: `Subjects at ${issuer}`, value: (p.identities ?? []).filter(i => i.issuer === issuer).map(i => i.subject).join(' '), autocomplete: 'off', spellcheck: 'false', hint: 'Separated by spaces. Empty: none. Sessions by a subject that is gone end at once.' }) : [],
        others.length ? field({ name: 'others', label: 'Of other providers', options: [['keep', 'keep'], ['end', 'end']] }) : []],
      act: async v => {
        const now = (v.identities ?? '').split(/\s+/).filter(Boolean).map(subject => ({ issuer, subject }))
        await change('PATCH', path('people', p.id), { identities: [...v.others === 'end' ? [] : others, ...now] }, p.revision)
        await load()
      } })
  }
  const add = () => ask({ title: 'Add a person', action: 'Add', fields: [...fieldsOf({}), field({ name: 'id', label: 'Id', hint: 'Such as sora. Empty: the service makes one.' })], act: async v => {
    await change('POST', path('people'), { ...given(v), ...(v.id.trim() && { id: v.id.trim() }), active: true })
    await load()
  } })
  await load()
  show(main, h('div', { class: 'row spread' }, title('People'), button('Add a person…', add)), place)
}
