// Resumable uploads: tus 1.0 in pieces, by plain fetch. A broken link costs a piece, not the upload.

import { Problem, path, send } from './api.js'
import { pause } from './live.js'

const piece = 1 << 20
const version = { 'Tus-Resumable': '1.0.0' }

const base64 = text => btoa(Array.from(new TextEncoder().encode(text), b => String.fromCharCode(b)).join(''))

// keyOf remembers where a file was being sent to, so that choosing it again goes on there.
const keyOf = (who, file) => `lifeline.upload ${who} ${file.name} ${file.size} ${file.lastModified}`

// begun is where a file was being sent to and how much has arrived, or null.
export async function begun(who, file, signal) {
  const at = localStorage.getItem(keyOf(who, file))
  if (!at) return null
  try {
    const r = await send('HEAD', at, { headers: version, signal })
    if (r.headers.get('Content-Location')) throw new Problem(410)
    return { at, offset: Number(r.headers.get('Upload-Offset')) }
  } catch (e) {
    if (e.status === 404 || e.status === 410) localStorage.removeItem(keyOf(who, file))
    else if (e.name === 'AbortError') throw e
    return null
  }
}

// start begins an upload that becomes a segment with the metadata.
export async function start(who, file, meta, signal) {
  const r = await send('POST', path('uploads'), { signal, headers: { ...version, 'Upload-Length': String(file.size),
    'Upload-Metadata': `filename ${base64(file.name)},meta ${base64(JSON.stringify(meta))}` } })
  const at = r.headers.get('Location')
  localStorage.setItem(keyOf(who, file), at)
  return { at, offset: 0 }
}

// finish sends the rest, whatever happens to the link, and answers the path of the segment. progress(bytes, waiting) is
// told how far it has come and whether it waits for the link.
export async function finish(who, file, { at, offset }, progress, signal) {
  for (let wait = 1000; ;) {
    try {
      progress(offset, false)
      const r = await send('PATCH', at, { signal, body: file.slice(offset, offset + piece), headers: { ...version, 'Upload-Offset': String(offset),
        'Content-Type': 'application/offset+octet-stream' } })
      wait = 1000
      offset = Number(r.headers.get('Upload-Offset'))
      const segment = r.headers.get('Content-Location')
      if (segment) return done(who, file, segment, progress)
    } catch (e) {
      if (![0, 409, 423, 429, 503].includes(e.status)) throw e
      progress(offset, true)
      await pause(wait, signal)
      signal.throwIfAborted()
      wait = Math.min(wait * 2, 30_000)
      const r = await send('HEAD', at, { headers: version, signal }).catch(e => { if (e.status !== 0) throw e })
      if (!r) continue
      offset = Number(r.headers.get('Upload-Offset'))
      const segment = r.headers.get('Content-Location')
      if (segment) return done(who, file, segment, progress)
    }
  }
}

function done(who, file, segment, progress) {
  localStorage.removeItem(keyOf(who, file))
  progress(file.size, false)
  return segment
}

// cancel gives an upload up.
export const cancel = at => send('DELETE', at, { headers: version })
