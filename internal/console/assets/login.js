// The person signs in a command line, whose terminal shows a code.

import { all, path, send } from './api.js'
import { facts, h, show } from './dom.js'
import { field, submits } from './form.js'

// about reads what a link of the command line is about: JSON in base64url. The service knows whether it made it.
export function about(part) {
  try {
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null
  }
}

export async function login({ main, parts, signal, title }) {
  const request = about(parts[0] ?? '')
  if (!request) return show(main, title('Sign in a command line'), h('p', { class: 'note' }, 'This address is not complete: copy all of it from the terminal.'))
  const own = (await all(path('sessions'), { signal })).find(s => s.present)
  const form = submits(h('form', { novalidate: true }, title('Sign in a command line'),
    h('p', { class: 'note' }, h('b', {}, 'Go on only if you yourself have just run “lifeline login”, in a terminal that you see now.'),
      ' If somebody sent you this address, or a code for it, by any way, they are about to act as you: close this page and tell the house.'),
    facts([['Machine, by its own word', request.machine], ['It asks from', request.remote], ['This browser comes from', own?.remote]]),
    field({ name: 'code', label: 'The code in your terminal', autocomplete: 'off', spellcheck: 'false', required: true, hint: 'Such as 7K3F-9QXT-M2WB.' }),
    h('p', {}, h('button', { type: 'submit', class: 'main' }, 'Sign it in as me'))),
  async ({ code }) => {
    await send('POST', path('sign-in', 'command-line', 'approval'), { body: { request, code } })
    show(main, title('The command line is signed in'), h('p', {}, 'Go back to your terminal. Under your name above you see its session, and end it.'))
  })
  show(main, form)
}
