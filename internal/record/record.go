package record

import (
	"time"

	"lifeline/internal/library"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// Record groups the types of this package.
type Record struct {
	Queues    *Queues
	Accounts  *Accounts
	MakeGoods *MakeGoods
	Links     *Links
	Sealing   *Sealing
	Numbering *Numbering
	Logbook   *Logbook
	Receipts  *ReceiptBook
}

// New returns a Record over r and s. It signs with signer.
func New(r *replica.Replica, s *Records, signer replica.Signer, definitions *network.Definitions,
	planning *library.Planning, now func() time.Time) *Record {
	out := &Record{Queues: &Queues{r, s}, Accounts: &Accounts{replica: r, store: s, now: now}, Links: &Links{s, signer,
		now}}
	out.MakeGoods = &MakeGoods{replica: r, store: s, now: now, network: definitions, planning: planning,
		accounts: out.Accounts, owing: map[string]missSearch{}}
	out.Sealing = &Sealing{replica: r, store: s, now: now, links: out.Links, due: map[string]time.Time{}}
	out.Numbering = &Numbering{replica: r, signer: signer, now: now, queues: out.Queues}
	out.Logbook = &Logbook{r, s, now, definitions, planning, out.Queues, out.Accounts, out.MakeGoods, out.Sealing,
		out.Numbering, &Authentication{replica: r, network: definitions, now: now, latest: map[string]schedules.Instant{}}}
	out.Receipts = &ReceiptBook{r, signer, out.Accounts, now}
	return out
}
