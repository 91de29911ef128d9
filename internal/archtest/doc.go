// Package archtest tests the rules of the source: which package may import which (the table mayImport, in which each
// package needs a row), where routes are declared, the sizes of files and functions, exported names, messages, and
// tests that wait by the real clock.
package archtest
