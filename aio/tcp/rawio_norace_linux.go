//go:build !race

package tcp

// racy reports whether the race detector is on.
const racy = false

func readTold(int, []byte) (int, error) { return 0, nil }

func tellWrite() {}
