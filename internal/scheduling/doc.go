// Package scheduling plans and publishes the stations' days, and keeps what is published fit to air.
//
// Scheduler has a field for each responsibility:
//
//   - Drafts plans a day and edits it by hand. inputs gathers what a plan depends on: definitions, library, history,
//     what is owed. neighbours warns of days that are like those beside them.
//   - Publisher audits a day, seals it as the station's queue and links it into the chain, in one commit; it withdraws
//     days.
//   - Repairer takes out of queues what may not air any more, and looks for what may fill its time.
//   - Fallbacks issues the fallback lists, LeaseIssuer the leases for what is sensitive, Resigner signs anew after a
//     change of key.
//   - Rundowns reads revisions, explanations and differences, and numbers revisions.
//   - Lists tells what airs, for players that know only lists. Windows hands out whole windows as files.
//   - People tells when a person is off the air, Scripts which stations a script has reached.
//
// All of them share core, and nothing else: each keeps its own state under its own lock.
package scheduling
