// Package erasure removes segments, replaced recordings and persons for good: from the store and its files, from the
// audio with all versions, from rendered windows, and from the records, whose proof still closes.
//
//   - erasure.go: one person asks, another confirms. What a queue holds is recalled in the same commit.
//   - sweep.go: the background job that removes what is left, until nothing is.
//   - clean.go: which texts go.
package erasure
