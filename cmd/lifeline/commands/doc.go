// Package commands is the command line of the program lifeline: the service, and the commands for its users.
//
//   - run.go runs a command; each command is a type with a method Run. remote.go holds the flags of all commands that
//     call a service, forms.go checks the form of their values, dates.go parses days and times.
//   - Service: serve.go runs the service that internal/service assembles.
//   - Operators: fsck.go, backup.go with backupkey.go, restore.go, rekey.go, upgrade.go, token.go, verify.go,
//     ceremony.go with passphrase.go, demo.go and demoair.go. held.go says what to do where a service holds the store.
//   - Stations: station.go enrols a station and shuts a seized one out, mirror.go with mirrorfigures.go pushes to
//     mirrors, drops.go reads what stations dropped.
//   - Producers: upload.go with catalogue.go and table.go for the metadata beside recordings, names.go for ids and
//     tags, update.go for the changes in a corrected table; segments.go, acts.go and analyse.go.
//   - Schedulers: apply.go, network.go, hfcc.go, days.go, day.go, edit.go, stations.go, report.go, render.go, bundle.go
//     and webhooks.go. print.go and bar.go print.
package commands
