// Signing in: by passkey, by the house's identity provider, by a one-time code that makes two passkeys, or by an access
// token.

import { get, path, Problem, send, session } from './api.js'
import { button, h, link, show } from './dom.js'
import { field, submits } from './form.js'
import { make, prove } from './passkey.js'
import { leave } from './provider.js'

const post = async (to, body) => (await send('POST', path(...to), { body })).json()

// signInForm shows how to sign in, and calls begin once it is done.
export function signInForm(main, why, begin) {
  const passkey = submits(h('form', { novalidate: true }, h('h1', {}, 'Sign in'), why && h('p', { class: 'note', role: 'status' }, why),
    h('p', {}, h('button', { type: 'submit', class: 'main' }, 'Sign in by passkey')), h('p', {}, link('#/enrol', 'I have a one-time code'))), async () => {
    await post(['sign-in'], await prove(await post(['sign-in', 'options'])))
    session.remember()
    await begin()
  })
  const provider = h('div', {}) // if the house has one
  get(path('sign-in')).then(({ provider: issuer }) => issuer && show(provider, submits(h('form', { novalidate: true }, h('h2', {}, 'By the identity provider'),
    h('p', {}, h('button', { type: 'submit' }, `Sign in at ${new URL(issuer).host}`)), h('p', { class: 'hint' }, 'What counts is still confirmed by passkey.')), leave))).catch(() => {}) // the other ways are there
  const token = submits(h('form', { novalidate: true }, h('h2', {}, 'By access token'),
    field({ name: 'token', label: 'Access token', type: 'password', autocomplete: 'off', spellcheck: 'false', hint: 'Tokens are for machines, and for houses without passkeys. It is kept until you close this tab.' }),
    h('p', {}, h('button', { type: 'submit' }, 'Sign in'))),
  async ({ token }) => {
    if (!/^[!-~]+$/.test(token.trim())) throw new Problem(0, { detail: 'That is no token.', errors: [{ field: 'token', message: 'is no token' }] })
    session.keep(token.trim())
    await begin()
  })
  show(main, h('div', { class: 'signin' }, passkey, provider, token))
  passkey.querySelector('button').focus()
}

// enrolForm takes a one-time code, makes passkeys on two devices, and signs in.
export function enrolForm(main, begin) {
  const made = []
  let code = ''
  const place = h('div', { class: 'signin' })
  const step = (title, label, fields, act) => {
    const form = submits(h('form', { novalidate: true }, h('h1', {}, 'Enrol'), title, fields, h('p', {}, h('button', { type: 'submit', class: 'main' }, label)),
      h('p', {}, button('Back to sign in', () => { location.hash = '#/' }))), act)
    show(place, form)
    form.querySelector('input, button').focus()
  }
  const next = async name => {
    const asked = await post(['sign-in', 'enrolment', 'options'], { code, known: made.map(k => k.credential) })
    made.push(await make(asked, name))
    if (made.length < 2) return second()
    try {
      await post(['sign-in', 'enrolment'], { code, passkeys: made })
    } catch (e) {
      made.pop() // such as one in the same device
      throw e
    }
    session.remember()
    history.replaceState(null, '', '#/')
    await begin()
  }
  const second = () => step([h('p', {}, 'The first passkey is made. Make one more on another device, such as a security key or a phone: whoever loses the only one is locked out.')],
    'Make the second passkey', [field({ name: 'name', label: 'Name of the second passkey', hint: 'Such as “grey key”.' })], ({ name }) => next(name.trim()))
  step([h('p', {}, 'An administrator gave you a code. Have two devices at hand: this one, and a security key or a phone.')], 'Make the first passkey',
    [field({ name: 'code', label: 'One-time code', autocomplete: 'off', spellcheck: 'false', required: true, hint: 'Such as 7K3F-9QXT-M2WB.' }), field({ name: 'name', label: 'Name of the first passkey', hint: 'Such as “blue laptop”.' })],
    async v => {
      code = v.code.trim()
      await next(v.name.trim())
    })
  show(main, place)
}
