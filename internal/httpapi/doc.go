// Package httpapi serves the HTTP contract. Only this package uses gin: a handler gets a call, makes one call of a use
// case, and answers; it returns errors, and one function turns them into problem documents.
//
// The parts, in the order in which a request passes them:
//
//   - server authorizes the caller (admit) and answers; guard, throttle and allowance come before it, valid ends a
//     request whose token is revoked.
//   - routes lists the topics and the groups of roles. Each topic has a file, which begins with its routes (path,
//     roles, texts, failures, example), followed by their handlers: segments, recordings, approvals, uploads, persons
//     and scripts; network, rundowns, audit; reconciliation, airings and chain; queues, leases, playlists, windows,
//     calendars and spi; reports, status and changes; tokens, webhooks, system, console and document.
//   - call is one request and its answer: bodies, conditions; query holds the parameters of its address. decode reads
//     JSON strictly, texts converts texts to their stored form, facts are the bounds of the fields, outside makes
//     addresses that are valid behind a proxy, patience sets deadlines for slow links.
//   - idempotency repeats the first answer to a request that is sent again; problem converts errors.
//   - apidoc makes the OpenAPI document of the routes, with the comments of the types (comments.json).
package httpapi
