// Package harness is what the tests stand on: real servers on free loopback ports, and a proxy that spoils connections.
package harness
