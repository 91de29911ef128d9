// Reads a JSON list of calendars from standard input and prints what each says: its events, every instance of them.
const ICAL = require('ical.js');

function instances(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents('vtimezone')) ICAL.TimezoneService.register(zone);
  const out = [];
  for (const component of calendar.getAllSubcomponents('vevent')) {
    const event = new ICAL.Event(component);
    const tell = (start, end) => out.push({
      uid: event.uid, start: start.toUnixTime() * 1000, end: end.toUnixTime() * 1000, summary: event.summary,
      language: component.getFirstProperty('summary').getParameter('language') || '', sequence: event.sequence,
      stamp: component.getFirstPropertyValue('dtstamp').toUnixTime() * 1000, repeats: event.isRecurring(),
    });
    if (!event.isRecurring()) {
      tell(event.startDate, event.endDate);
      continue;
    }
    const each = event.iterator();
    for (let next = each.next(); next; next = each.next()) {
      const { startDate, endDate } = event.getOccurrenceDetails(next);
      tell(startDate, endDate);
    }
  }
  return out;
}

let input = '';
process.stdin.on('data', (piece) => { input += piece; });
process.stdin.on('end', () => console.log(JSON.stringify(JSON.parse(input).map(instances))));
