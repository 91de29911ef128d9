// A recording's outline, drawn, and the player below it. The bytes are fetched with the token, when somebody listens.

import { get, send } from './api.js'
import { button, h } from './dom.js'
import { span } from './time.js'

// hearing counts what is really played: not what is sought over, nothing without sound, and nothing at more than twice
// the speed. It answers the share so far, in percent.
function hearing(audio, milliseconds) {
  const tenths = new Set() // of seconds
  let last = null
  const forget = () => { last = null }
  audio.addEventListener('seeking', forget)
  audio.addEventListener('timeupdate', () => {
    const now = audio.seeking ? null : Math.floor(audio.currentTime * 10)
    if (last !== null && now !== null && !audio.muted && audio.volume > 0 && audio.playbackRate <= 2) {
      for (let t = last; t < now; t++) tenths.add(t)
    }
    last = now
  })
  return () => {
    const whole = Math.floor((Number.isFinite(audio.duration) ? audio.duration * 1000 : milliseconds) / 100)
    return Math.min(100, Math.floor(100 * tenths.size / Math.max(1, whole)))
  }
}

// player is the outline of a segment's recording with its cues and silences, and a way to hear it. heard answers how much
// of it was played, in percent.
export function player(at, s, signal, fail) {
  const r = s.recording
  const canvas = h('canvas', { class: 'wave', role: 'img', 'aria-label': `Waveform, ${span(r.duration_ms)} long, cue in at ${span(r.cue_in_ms)}, cue out at ${span(r.cue_out_ms)}` })
  const audio = h('audio', { controls: true, hidden: true, 'aria-label': s.title })
  const heard = hearing(audio, r.duration_ms)
  const share = h('span', { class: 'small quiet', hidden: true })
  let url
  const open = async () => {
    if (url) return
    const bytes = await send('GET', `${at}/audio`, { signal })
    url = URL.createObjectURL(await bytes.blob())
    signal.addEventListener('abort', () => URL.revokeObjectURL(url))
    audio.src = url
    audio.hidden = false
    listen.hidden = true
  }
  const listen = button('▶ Listen', async () => {
    listen.disabled = true
    try {
      await open()
      await audio.play()
    } catch (e) {
      listen.disabled = false
      if (e.status !== undefined) fail(e)
    }
  })
  let wave = null
  const draw = () => wave && paint(canvas, wave, r, audio)
  audio.addEventListener('timeupdate', draw)
  audio.addEventListener('timeupdate', () => {
    share.hidden = false
    share.textContent = `${heard()}% heard`
  })
  canvas.addEventListener('click', async e => {
    await open().catch(fail)
    audio.currentTime = (e.offsetX / canvas.clientWidth) * r.duration_ms / 1000
  })
  const watch = new ResizeObserver(draw)
  watch.observe(canvas)
  const dark = matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', draw, { signal })
  signal.addEventListener('abort', () => { watch.disconnect(); audio.pause() })
  get(`${at}/waveform`, { signal }).then(w => { wave = w; canvas.dataset.drawn = 'true'; draw() }, e => { if (e.status !== 404) fail(e) })
  return { heard, shown: h('div', {}, canvas, h('p', { class: 'row' }, listen, audio, share)) }
}

// paint draws the outline: least and most of each column, silences shaded, cues and the playing position as lines.
function paint(canvas, wave, r, audio) {
  const ratio = devicePixelRatio || 1
  const width = canvas.clientWidth
  const height = canvas.clientHeight
  canvas.width = width * ratio
  canvas.height = height * ratio
  const g = canvas.getContext('2d')
  g.scale(ratio, ratio)
  const style = getComputedStyle(canvas)
  const x = ms => ms / r.duration_ms * width
  g.fillStyle = style.getPropertyValue('--quiet-fill')
  for (const s of r.silences ?? []) g.fillRect(x(s.start_ms), 0, Math.max(1, x(s.end_ms) - x(s.start_ms)), height)
  const most = wave.bits === 16 ? 32768 : 128
  const pairs = wave.length
  const step = wave.channels * 2
  g.fillStyle = style.getPropertyValue('--accent')
  for (let column = 0; column < width; column++) {
    const from = Math.floor(column * pairs / width)
    const to = Math.max(from + 1, Math.floor((column + 1) * pairs / width))
    let low = 0
    let high = 0
    for (let i = from * step; i < Math.min(to, pairs) * step; i += 2) {
      low = Math.min(low, wave.data[i])
      high = Math.max(high, wave.data[i + 1])
    }
    g.fillRect(column, (1 - high / most) * height / 2, 1, Math.max(1, (high - low) / most * height / 2))
  }
  g.fillStyle = style.color
  for (const cue of [r.cue_in_ms, r.cue_out_ms]) g.fillRect(Math.min(x(cue), width - 1), 0, 1, height)
  if (audio.currentTime > 0) {
    g.fillStyle = style.getPropertyValue('--bad')
    g.fillRect(x(audio.currentTime * 1000), 0, 2, height)
  }
}
