// Package record keeps the record of publications and airings, and seals it.
//
//   - Queues reads published queues.
//   - Logbook stores as-run entries and statuses of stations, and answers airings, reports, reconciliations,
//     make-goods and the audit.
//   - Authentication says what a station's own keys signed, and notes what they did not.
//   - Census counts what the record holds now.
//   - Accounts computes the outcome of each published item from the queues and the as-run entries.
//   - MakeGoods keeps the owed airings and the airings that made them good.
//   - Links, Sealing and HashChain write and read the stations' hash chains over publications and as-run entries.
//   - ReceiptBook tells a station which of its as-run entries others brought.
//   - Numbering keeps the revisions of signed documents above the highest that stations have seen.
//   - Records moves old as-run entries and changes from the store into files.
package record
