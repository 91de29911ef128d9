// Package commands is the command line of the program lifeline: the service, and the commands of the people who work
// with it.
//
//   - run.go runs a command; each command is a type with Run. remote.go has what the commands that ask a service
//     share, dates.go reads days and times as people write them.
//   - Service: serve.go runs what internal/service puts together.
//   - Operators: fsck.go, backup.go, restore.go, rekey.go, upgrade.go, token.go, verify.go, demo.go and demoair.go.
//   - Producers: upload.go with catalogue.go and table.go for what stands beside recordings, names.go for ids and tags,
//     update.go for what a corrected table changes; segments.go, acts.go and analyse.go.
//   - Schedulers: apply.go, network.go, hfcc.go, days.go, day.go, edit.go, stations.go, report.go, render.go, bundle.go
//     and webhooks.go. print.go and bar.go show.
package commands
