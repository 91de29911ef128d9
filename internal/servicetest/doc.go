// Package servicetest helps to test the use cases over the memory store: a sealer that signs nothing, an analyser that
// hears nothing, and documents put into a store as the service puts them.
package servicetest
