// Forms: fields with their labels, problems beside the fields that they are about, and dialogs.

import { alert, button, h } from './dom.js'

let count = 0

// field is a labelled control. It is one of: a text (type), a choice (options: values or [value, label]), a long text
// (rows). name is the API's name of the field.
export function field({ name, label, value = '', hint, options, rows, type = 'text', ...more }) {
  const id = `f${++count}-${name}`
  const attributes = { id, name, 'aria-describedby': `${id}-hint ${id}-wrong`, ...more }
  let control
  if (options) {
    control = h('select', attributes, options.map(o => {
      const [v, text] = Array.isArray(o) ? o : [o, o]
      return h('option', { value: v, selected: v === value }, text || '—')
    }))
  } else if (rows) {
    control = h('textarea', { ...attributes, rows }, value)
  } else {
    control = h('input', { ...attributes, type, value: type === 'file' ? undefined : value })
  }
  return h('div', { class: 'field', 'data-field': name },
    h('label', { for: id }, label, more.required && h('span', { class: 'quiet' }, ' (needed)')), control,
    h('p', { class: 'hint', id: `${id}-hint` }, hint), h('p', { class: 'wrong', id: `${id}-wrong` }))
}

// values reads a form's controls by their names.
export const values = form => Object.fromEntries([...form.elements].filter(e => e.name && e.type !== 'file' && (e.type !== 'radio' || e.checked))
  .map(e => [e.name, e.value]))

// wrong shows a problem in a form: each error beside its field, the rest on top. extra is what can be done about it.
export function wrong(form, problem, ...extra) {
  clear(form)
  const rest = []
  let first
  for (const e of problem.errors ?? []) {
    const at = [...form.querySelectorAll('[data-field]')].find(f => isOf(e.field, f.dataset.field))
    if (!at) {
      rest.push(e)
      continue
    }
    const says = at.querySelector('.wrong')
    says.textContent = (says.textContent + ` ${e.field === at.dataset.field ? '' : e.field + ' '}${e.message}`).trim()
    const control = at.querySelector('input, select, textarea')
    control.setAttribute('aria-invalid', 'true')
    first ??= control
  }
  if (!first || rest.length || extra.length) {
    form.prepend(alert({ message: problem.message, errors: rest, requestID: problem.requestID, status: problem.status }, ...extra))
  }
  (first ?? form.querySelector('.alert button') ?? form.querySelector('button[type=submit]'))?.focus()
}

// isOf says whether an error's field is a form's field, a part of it, or what it is a part of.
const isOf = (field, name) => field === name || field.startsWith(name + '.') || field.startsWith(name + '[') || name.startsWith(field + '.')

export function clear(form) {
  form.querySelectorAll('.alert').forEach(a => a.remove())
  form.querySelectorAll('.wrong').forEach(w => { w.textContent = '' })
  form.querySelectorAll('[aria-invalid]').forEach(c => c.removeAttribute('aria-invalid'))
}

// submits makes a form do something, once at a time; a Problem is shown in it, and what was typed stays. onStale may
// offer a way on when somebody else was first: it answers elements for the alert.
export function submits(form, act, onStale) {
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const buttons = [...form.querySelectorAll('button[type=submit]')]
    clear(form)
    buttons.forEach(b => { b.disabled = true })
    try {
      await act(values(form))
    } catch (e) {
      if (e.status === undefined) throw e
      wrong(form, e, ...(e.stale && onStale ? await onStale(e) : []))
    } finally {
      buttons.forEach(b => { b.disabled = false })
    }
  })
  return form
}

// ask opens a dialog with fields, and closes it when act(values) has succeeded; it answers what act did, or null when it
// was called off.
export function ask({ title, body = [], fields = [], action, danger, act, onStale }) {
  return new Promise(done => {
    let result = null
    const form = h('form', { novalidate: true }, h('h2', { id: 'asked' }, title), body, fields,
      h('p', { class: 'row end' }, button('Cancel', () => dialog.close()), h('button', { type: 'submit', class: danger ? 'danger' : 'main' }, action)))
    const dialog = h('dialog', { 'aria-labelledby': 'asked', onclose: () => { dialog.remove(); done(result) } }, form)
    submits(form, async v => {
      result = await act(v, form) ?? true
      dialog.close()
    }, onStale)
    document.body.append(dialog)
    dialog.showModal()
    form.querySelector('input, select, textarea')?.focus()
  })
}
