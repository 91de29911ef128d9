// Upload a recording: choose or drop it, say what it is, and see it arrive.

import { all, path, Problem, session } from './api.js'
import { button, h, show, table } from './dom.js'
import { field, submits } from './form.js'
import { metaFields, metaOf } from './meta.js'
import { stamp } from './time.js'
import { begun, cancel, finish, start } from './tus.js'

const mib = n => `${(n / (1 << 20)).toFixed(1)} MiB`

export async function upload({ main, signal, title, fail }) {
  let file = null
  let going = null // an upload of this file that had been begun
  const who = session.me.name
  const chosen = h('p', { class: 'small', role: 'status' })
  const bar = h('progress', { max: 1, hidden: true, 'aria-label': 'Upload' })
  const far = h('p', { class: 'small', role: 'status' })
  const unfinished = h('div', {})
  const fields = metaFields()
  const choose = async f => {
    if (!f) return
    file = f
    const empty = fields.querySelector('[name=title]')
    if (!empty.value) empty.value = f.name.replace(/\.mp3$/i, '').replace(/[-_]+/g, ' ')
    chosen.textContent = `${f.name}, ${mib(f.size)}`
    going = await begun(who, f, signal)
    if (going) chosen.textContent += `: ${Math.round(100 * going.offset / f.size)}% of it is here already, and it goes on from there as what it was described as.`
    fields.hidden = going !== null
  }
  const input = field({ name: 'audio', label: 'Recording (MP3)', type: 'file', accept: 'audio/mpeg,.mp3', onchange: e => choose(e.target.files[0]).catch(fail), hint: 'Choose it, or drop it here.' })
  const drop = h('div', { class: 'drop', ondragover: e => { e.preventDefault(); drop.classList.add('over') }, ondragleave: () => drop.classList.remove('over'),
    ondrop: e => { e.preventDefault(); drop.classList.remove('over'); choose(e.dataTransfer.files[0]).catch(fail) } }, input, chosen)
  const progress = (offset, waiting) => {
    bar.hidden = false
    bar.value = file.size ? offset / file.size : 0
    far.textContent = waiting ? `${mib(offset)} of ${mib(file.size)} are safe; waiting for the link…` : offset === file.size ? 'All of it is here: it is being measured…' : `${mib(offset)} of ${mib(file.size)}`
  }
  const form = submits(h('form', { novalidate: true }, drop,
    h('details', {}, h('summary', {}, 'Id'), field({ name: 'id', label: 'Id', hint: 'None: the service makes one. Lower case, digits, . _ -' })), fields, bar, far,
    h('p', {}, h('button', { type: 'submit', class: 'main' }, 'Upload'))), async v => {
    if (!file) throw new Problem(0, { detail: 'Choose a recording first.', errors: [{ field: 'audio', message: 'is missing' }] })
    const { id, ...meta } = { id: v.id.trim(), ...metaOf(v) }
    const upload = going ?? await start(who, file, id ? { id, ...meta } : meta, signal)
    going = upload
    const segment = await finish(who, file, upload, progress, signal)
    location.hash = `#/segments/${segment.split('/').pop()}`
  })
  const list = async () => {
    const waiting = await all(path('uploads'), { signal })
    show(unfinished, waiting.length > 0 && [h('h2', {}, 'Not finished'), h('p', { class: 'quiet' }, 'Choose the same file again to go on with it.'), table('Unfinished uploads', [
      ['Segment', u => u.segment], ['Here', u => `${mib(u.offset)} of ${mib(u.length)}`, 'n'], ['Kept until', u => stamp(u.expires_at)],
      ['', u => button('Give up', () => cancel(u.url).then(list).catch(fail), { 'aria-label': `Give up ${u.segment}` })]], waiting)])
  }
  await list()
  show(main, title('Upload a recording'), form, unfinished)
}
