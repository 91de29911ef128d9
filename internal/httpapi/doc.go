// Package httpapi serves the HTTP contract. It is the only place that knows gin: a handler gets a call, makes one
// call of a use case, and answers; it returns errors, and one place tells them.
//
// The parts, in the order in which a request passes them:
//
//   - routes is the table of what there is, and who may do it. server.go makes it gin's, lets the caller in (admit) and
//     answers; guard and throttle stand before it, valid ends a request whose token is revoked.
//   - call is one request and its answer: bodies, queries, conditions. decode reads JSON and YAML strictly, texts
//     brings what people write into one form, outside makes addresses that hold behind a proxy.
//   - The handlers, by what they are about: segments, audio, tus and persons; network, rundowns and makegoods; queues,
//     playlists, windows, calendars and spi; reports, airings and chain; changes, webhooks, system and console.
//   - idempotency repeats the first answer to a request that is sent again; problem tells errors.
//   - operation and the operations_….go are the words of the routes; document makes the OpenAPI document of routes,
//     words and types, with the comments of the types (comments.json); docs shows it to people.
package httpapi
