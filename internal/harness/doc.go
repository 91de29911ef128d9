// Package harness provides what many tests need: real servers on free loopback ports, and a proxy that disturbs
// connections.
package harness
