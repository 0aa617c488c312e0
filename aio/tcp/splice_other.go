//go:build !linux

package tcp

// splices reports that this system has no splice.
const splices = false

func (w *way) splice() {}
