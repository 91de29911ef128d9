// Package archtest holds the architecture of the house as a test: who may import whom. The test reads the sources, so
// that it needs no list of packages and finds new ones by itself.
package archtest
