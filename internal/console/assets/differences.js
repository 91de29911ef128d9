// What publishing a draft would change.

import { count, h } from './dom.js'
import { time } from './time.js'

const words = { added: 'comes', removed: 'goes', replaced: 'is replaced by', moved: 'moves to', changed: 'changes' }

// differences lists them, item by item.
export function differences(changes, revision, zone) {
  if (!changes.length) return h('p', { class: 'note' }, `Nothing differs from what is published (revision ${revision}).`)
  const item = i => i && [h('span', { class: 'mono' }, time(i.start_at, zone)), ' ', i.title]
  return h('details', { class: 'changes' }, h('summary', {}, `${count(changes.length, 'difference')} from what is published (revision ${revision})`),
    h('ul', {}, changes.map(c => h('li', { class: c.change }, h('b', {}, `${c.window}: `), item(c.before ?? c.after), ' ', words[c.change] ?? c.change,
      c.before && c.after && c.change !== 'changed' && [' ', item(c.after)], c.why && h('div', { class: 'small quiet' }, c.why)))))
}
