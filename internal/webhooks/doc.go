// Package webhooks tells other people's services of changes.
//
// Webhooks has a field for each responsibility:
//
//   - Registry keeps who is told of what, with which secret, and how far each webhook has come.
//   - Deliverer sends. For each webhook a goroutine follows the store's feed from a stored cursor, so that deliveries
//     go on where they were; one replica at a time delivers to each. What fails is tried again, more and more rarely,
//     and given up in the end. Alarms and Failing tell of it.
//
// Poster sends a signed Message and is implemented by package webhook.
package webhooks
