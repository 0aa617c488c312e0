//go:build !linux

package main

import "os"

// byKey does nothing here: a key is followed by Enter.
func byKey(*os.File) (restore func()) { return func() {} }

// terminalSize returns a size that every terminal has.
func terminalSize(*os.File) (width, height int) { return 80, 24 }
