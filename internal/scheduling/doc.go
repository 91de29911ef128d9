// Package scheduling plans and publishes the days of the stations, and keeps published days fit to air.
//
// Scheduler has a field for each responsibility:
//
//   - Drafts plans a day and edits it. inputs gathers the inputs of a plan: definitions, library, history, make-goods
//     owed. neighbours warns of days that resemble adjacent days.
//   - Publisher audits a day, signs it as the station's queue and links it into the chain, in one commit. It also
//     withdraws days.
//   - Repairer removes items that may no longer air from queues, and searches for items to fill their time.
//   - StandingOrders plans and publishes the days of stations unattended. A day that is late repeats another one, or
//     airs the fallback.
//   - Fallbacks issues the fallback lists. LeaseIssuer issues the leases for sensitive segments. Resigner signs
//     documents again after a change of key.
//   - Seizures shuts a seized station out and says what it held.
//   - Rundowns reads revisions, explanations and differences, and numbers revisions.
//   - Lists returns what airs as plain lists, for players that know only lists. Windows returns whole windows as files.
//   - People reports when a person is off the air, Scripts which stations a script has reached.
//
// All of them share only core. Each keeps its own state under its own lock.
package scheduling
