package perfmon

import "sort"

// sortFunc and sortStableFunc sort as those of package slices do, which are compiled anew for
// each type: that makes each program 10 to 20 KB larger a type. These are for lists that are
// short or seldom sorted.
func sortFunc[T any](list []T, compare func(a, b T) int) { sort.Sort(sorting[T]{list, compare}) }

func sortStableFunc[T any](list []T, compare func(a, b T) int) {
	sort.Stable(sorting[T]{list, compare})
}

type sorting[T any] struct {
	list    []T
	compare func(a, b T) int
}

func (s sorting[T]) Len() int           { return len(s.list) }
func (s sorting[T]) Less(i, j int) bool { return s.compare(s.list[i], s.list[j]) < 0 }
func (s sorting[T]) Swap(i, j int)      { s.list[i], s.list[j] = s.list[j], s.list[i] }
