// Package webhooks notifies external services of changes.
//
// Webhooks has a field for each responsibility:
//
//   - Registry stores the webhooks: their receivers, subscriptions, secrets and progress.
//   - Deliverer sends. For each webhook a goroutine follows the store's feed from a stored cursor, so that deliveries
//     continue after a crash; one replica at a time delivers to each. Failed deliveries are retried with growing
//     intervals and finally given up, which Alarms and Failing report.
//
// Poster sends a signed Message; package webhook implements it.
package webhooks
