// Package endtoend tests the whole: the service over HTTP and at the command line, its console in a real browser, and
// real players beside it. It contains only tests; a function's own behaviour is tested beside the function.
//
// Shared set-up: house_test.go opens a service in this process, furnish fills its data directory with the samples and
// the example network; crash_test.go starts the built programs, places_test.go services on Redis and buckets,
// browser_test.go a browser; cli_test.go runs commands as a user does.
//
//   - A recording: upload_test.go, uploads_test.go, tus_test.go, correction_test.go, ready_test.go,
//     airable_test.go, bulk_test.go.
//   - A network: scripts_test.go, hfcc_test.go, holidays_test.go, rules_test.go, uses_test.go.
//   - A day: days_test.go, order_test.go, standing_test.go, queue_test.go, frozen_test.go, cli_test.go, words_test.go.
//   - The air: player_test.go, onset_test.go, airscript_test.go with aircheck_test.go, faults_test.go, icecast_test.go.
//   - What aired: airings_test.go, makegood_test.go, verify_test.go, drops_test.go.
//   - A recall: recall_test.go, person_test.go, consent_test.go. An erasure: erasure_test.go, erasebackup_test.go.
//   - For others: stations_test.go and stationscripts_test.go (the scripts of other players), lists_test.go,
//     feeds_test.go, readers_test.go, render_test.go, webhooks_test.go, changes_test.go.
//   - The API: contract_test.go, matrix_test.go, guard_test.go, badinput_test.go, outside_test.go, tls_test.go,
//     link_test.go.
//   - The console: console_test.go, console_acts_test.go. Persons: passkey_test.go, provider_test.go.
//   - The operator: backup_test.go, backupcrypt_test.go, restorewords_test.go, fsck_test.go, keys_test.go,
//     keyfolder_test.go, ceremony_test.go, restorednumbers_test.go, emptied_test.go, held_test.go, hold_test.go,
//     drain_test.go, stopped_test.go, supervised_test.go, monitoring_test.go, releases_test.go, exit_test.go,
//     hostile_test.go.
//   - What breaks: crash_test.go with crashcheck_test.go, links_test.go, replicas_test.go, replicaskill_test.go,
//     sharedrate_test.go, valid_test.go, room_linux_test.go, roomredis_test.go.
//   - The README as it stands: readme_test.go.
package endtoend
