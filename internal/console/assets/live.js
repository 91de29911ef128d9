// The change stream: one for each page that is shown. A browser opens six connections to a host, and each stream holds
// one: pages in hidden tabs have none, and read anew when they are shown. EventSource cannot send a token, so that the
// stream is read by fetch.

import { path, session, who } from './api.js'

const silence = 40_000 // the service says every 15 s that it lives
const hiddenFor = 2_000 // a hidden page keeps its stream so long

// follow hears of changes until the signal: told(change) for each, told({kind: 'reset'}) when the link was broken,
// and state('live' | 'waiting') as the link comes and goes.
export async function follow(signal, told, state) {
  let last = ''
  let wait = 1000
  let broken = false
  while (!signal.aborted) {
    if (document.hidden) {
      broken = true
      await shown(signal)
      wait = 1000
      continue
    }
    try {
      await once(signal, last, (id, kind, data) => {
        wait = 1000
        if (id) last = id
        if (kind === 'reset') told({ kind })
        else if (data) told(JSON.parse(data))
      }, () => {
        state('live')
        if (broken) told({ kind: 'reset' }) // what could not be read meanwhile is read now
        broken = false
      })
    } catch (e) {
      if (signal.aborted) return
      if (e.status === 401) return session.lapsed()
    }
    broken = true
    if (document.hidden) continue
    state('waiting')
    await pause(wait, signal)
    wait = Math.min(wait * 2, 30_000)
  }
}

async function once(signal, last, take, open) {
  const cut = new AbortController()
  const leave = () => cut.abort()
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  const { headers: own, credentials } = who()
  const headers = { Accept: 'text/event-stream', 'Lifeline-Unattended': 'true', ...own }
  if (last) headers['Last-Event-ID'] = last
  let timer = setTimeout(() => cut.abort(), silence)
  let hide
  const look = () => {
    clearTimeout(hide)
    if (document.hidden) hide = setTimeout(() => cut.abort(), hiddenFor)
  }
  document.addEventListener('visibilitychange', look)
  try {
    const r = await fetch(path('changes'), { headers, signal: cut.signal, cache: 'no-store', credentials })
    if (!r.ok) throw Object.assign(new Error('no stream'), { status: r.status })
    open()
    let rest = ''
    const reader = r.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => cut.abort(), silence)
      const blocks = (rest + value).split('\n\n')
      rest = blocks.pop()
      for (const block of blocks) {
        const field = name => block.split('\n').find(l => l.startsWith(name + ': '))?.slice(name.length + 2) ?? ''
        take(field('id'), field('event'), field('data'))
      }
    }
  } finally {
    clearTimeout(timer)
    clearTimeout(hide)
    document.removeEventListener('visibilitychange', look)
    signal.removeEventListener('abort', leave)
  }
}

// shown waits until the page is shown, or ends early with the signal.
function shown(signal) {
  return new Promise(done => {
    const look = () => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      signal.removeEventListener('abort', look)
      done()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look)
    look()
  })
}

// pause waits, or ends early with the signal.
export function pause(ms, signal) {
  return new Promise(done => {
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); done() }, { once: true })
  })
}
