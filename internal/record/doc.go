// Package record keeps what was published and what aired, and seals both.
//
//   - Queues reads what is published.
//   - Logbook takes what stations report and what they say of themselves, and answers airings, reports,
//     reconciliations, make-goods and the audit.
//   - Accounts says what became of each published item, from the queues and the reports.
//   - MakeGoods keeps which airings are owed, and what made them good.
//   - Links, Sealing and Chain make and read the stations' hash chains over what was published and what aired.
//   - Numbering numbers signed documents above what stations have seen.
//   - Records moves old as-run reports and changes from the store into files.
package record
