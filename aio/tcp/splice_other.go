//go:build !linux

package tcp

// splices says that there is no splice.
const splices = false

func (w *way) splice() {}
