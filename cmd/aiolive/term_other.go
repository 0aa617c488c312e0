//go:build !linux && !darwin && !freebsd

package main

import "os"

// byKey does nothing here: a key is followed by Enter.
func byKey(*os.File) (restore func()) { return func() {} }

// terminalSize does not know the size here.
func terminalSize(*os.File) (width, height int, ok bool) { return 0, 0, false }

// watchTerminal returns a channel that nothing comes from.
func watchTerminal() (signals chan os.Signal, stop func()) { return nil, func() {} }

// suspends reports false: there are no such signals here.
func suspends(os.Signal) bool { return false }

// stopSelf is not called here.
func stopSelf() {}
