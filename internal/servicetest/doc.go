// Package servicetest helps to test the use cases over the memory store: a Signer that signs nothing, an analyser that
// hears nothing, documents put into a store as the service puts them, and the golden documents of internal/kinds.
package servicetest
