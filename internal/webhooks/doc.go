// Package webhooks tells other people's services of changes.
//
// Webhooks keeps who is told of what. For each webhook a goroutine follows the store's feed from a stored cursor, so
// that deliveries go on where they were; one replica at a time delivers to each. What fails is tried again, more and
// more rarely, and given up in the end. Poster sends a signed Message and is implemented by package webhook.
package webhooks
