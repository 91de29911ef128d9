// Package httpapi serves the HTTP contract. It is the only place that knows gin: a handler gets a call, makes one
// call of a use case, and answers; it returns errors, and one place tells them.
//
// The parts, in the order in which a request passes them:
//
//   - server lets the caller in (admit) and answers; guard and throttle stand before it, valid ends a request whose
//     token is revoked.
//   - routes names the topics and the groups of roles. Each topic has a file, which opens with its routes (path,
//     roles, words, failures, example) and goes on with their handlers: segments, recordings, approvals, uploads,
//     persons and scripts; network, rundowns, audit; reconciliation, airings and chain; queues, leases, playlists,
//     windows, calendars and spi; reports, status and changes; tokens, webhooks, system, console and document.
//   - call is one request and its answer: bodies, conditions; query is the parameters of its address. decode reads
//     JSON strictly, texts brings what people write into one form, facts are the bounds of the fields, outside makes
//     addresses that hold behind a proxy, patience lets slow links take their time.
//   - idempotency repeats the first answer to a request that is sent again; problem tells errors.
//   - apidoc makes the OpenAPI document of the routes, with the comments of the types (comments.json).
package httpapi
