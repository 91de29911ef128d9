// The person confirms by passkey what a command line does.

import { all, get, path, send } from './api.js'
import { facts, h, show } from './dom.js'
import { submits } from './form.js'
import { about } from './login.js'
import { prove } from './passkey.js'
import { stamp } from './time.js'

const description = new URL('../../openapi.json', import.meta.url).pathname

// meaning says what an operation does, in the words of the service and not of the link.
async function meaning(operation, signal) {
  const { paths } = await get(description, { signal })
  return Object.values(paths).flatMap(methods => Object.values(methods)).find(o => o.operationId === operation)?.summary
}

export async function confirm({ main, parts, signal, title }) {
  const request = about(parts[0] ?? '')
  const [sessions, what] = await Promise.all([all(path('sessions'), { signal }), meaning(request?.operation, signal)])
  const from = sessions.find(s => s.id === request?.session)
  if (!from || !what) return show(main, title('Nothing to confirm'), h('p', { class: 'note' }, 'No command line in which you are signed in asks this. Is the address complete?'))
  show(main, submits(h('form', { novalidate: true }, title('Confirm what your command line does'),
    h('p', { class: 'note' }, h('b', {}, 'Go on only if you yourself have just run this command'), ', in a terminal that you see now.'),
    facts([['What', what], ['On', `${request.method} ${request.path}`], ['Revision', request.if_match], ['Machine, by its own word', from.agent], ['Signed in from', from.remote], ['Since', stamp(from.created_at)]]),
    h('p', {}, h('button', { type: 'submit', class: 'main' }, 'Confirm by passkey'))),
  async () => {
    const asked = await (await send('POST', path('sign-in', 'options'))).json()
    await send('POST', path('sessions', 'confirmation'), { body: { request, assertion: await prove({ ...asked, challenge: request.challenge }) } })
    show(main, title('It is confirmed'), h('p', {}, 'Go back to your terminal: the command goes on.'))
  }))
}
