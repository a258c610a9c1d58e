// Package witnesstest holds package analyze against gonum, which is no dependency of ours:
// hence a module of its own.
package witnesstest
