// Elements and small parts of pages. What comes from outside only ever becomes text.

// h makes an element: on… are listeners, what is null or false is left out, children are elements and texts.
export function h(tag, attributes, ...children) {
  const el = document.createElement(tag)
  for (const [name, v] of Object.entries(attributes ?? {})) {
    if (v === null || v === undefined || v === false) continue
    if (name.startsWith('on')) el.addEventListener(name.slice(2), v)
    else if (name === 'value') el.value = v
    else el.setAttribute(name, v === true ? '' : v)
  }
  el.append(...solid(children))
  return el
}

export const solid = children => children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false && c !== '')

// show puts children in place of what an element holds, and leaves the focus on what has the same data-key.
export function show(el, ...children) {
  const key = el.contains(document.activeElement) && document.activeElement.dataset.key
  el.replaceChildren(...solid(children))
  if (key) [...el.querySelectorAll('[data-key]')].find(k => k.dataset.key === key)?.focus()
  return el
}

export const button = (label, onclick, attributes) => h('button', { type: 'button', onclick, ...attributes }, label)

export const link = (href, ...children) => h('a', { href }, ...children)

// badge is a state in words; its mark is for the eye, so that colour is not all there is.
const marks = { good: '✓', warn: '▲', bad: '✕', quiet: '–' }
export const badge = (text, tone = 'quiet') =>
  h('span', { class: `badge ${tone}` }, h('span', { 'aria-hidden': 'true' }, marks[tone.split(' ')[0]] + ' '), text)

// facts is a list of names and values; those without a value are left out.
export const facts = pairs => h('dl', { class: 'facts' }, ...pairs.filter(([, v]) => v !== null && v !== undefined && v !== '' && v !== false)
  .map(([name, v]) => h('div', {}, h('dt', {}, name), h('dd', {}, v))))

// table makes a table of rows; columns are [label, cell(row), class]. On a narrow screen each row is a card.
export function table(caption, columns, rows, empty = 'Nothing.') {
  if (!rows.length) return h('p', { class: 'note' }, empty)
  return h('div', { class: 'wide' }, h('table', {},
    h('caption', { class: 'hidden' }, caption),
    h('thead', {}, h('tr', {}, columns.map(([label, , c]) => h('th', { scope: 'col', class: c }, label)))),
    h('tbody', {}, rows.map(row => tableRow(columns, row)))))
}

export const tableRow = (columns, row) =>
  h('tr', {}, columns.map(([label, cell, c]) => h('td', { class: c, 'data-label': label }, h('div', {}, cell(row)))))

// alert shows a failure, with what can be done about it.
export const alert = (problem, ...actions) => h('div', { class: 'alert', role: 'alert' },
  h('p', {}, problem.message),
  (problem.errors ?? []).length > 0 && h('ul', {}, problem.errors.map(e => h('li', {}, h('b', {}, placeOf(e.field)), ' ', e.message))),
  problem.requestID && problem.status >= 500 && h('p', { class: 'small' }, `Request ${problem.requestID}`),
  actions.length > 0 && h('p', { class: 'row' }, actions))

// placeOf is a field of the API in words: its lists count from 0 for programs, and from 1 for people.
const placeOf = field => field.replace(/([^.[\]]+?)s?\[(\d+)\]\.?/g, (_, name, n) => `${name} ${Number(n) + 1}, `).replace(/, $/, '')

// count is a number of things.
export const count = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`

// say tells something in passing, on the screen and to screen readers.
let quiet
export function say(text) {
  const at = document.getElementById('said')
  at.textContent = text
  clearTimeout(quiet)
  quiet = setTimeout(() => { at.textContent = '' }, 8000)
}

// later runs f once after calls have been quiet for a while.
export function later(ms, f) {
  let timer
  return (...args) => { clearTimeout(timer); timer = setTimeout(() => f(...args), ms) }
}
