package aio

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// maxCalls is how many of the calls that started an operation are kept. A site
// further out is not found.
const maxCalls = 24

// callers returns the calls that have led to the start of an operation, the
// innermost first.
func callers() []uintptr {
	var calls [maxCalls]uintptr
	n := runtime.Callers(3, calls[:]) // without Callers, callers and introduce
	return append([]uintptr(nil), calls[:n]...)
}

// site returns the file and the line of the first of the calls outside this
// module. It is "" if there is none, as for operations that a loop starts
// itself.
func site(calls []uintptr) string {
	if len(calls) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(calls)
	for {
		f, more := frames.Next()
		if f.File != "" && !ownFrame(&f) && !strings.HasPrefix(f.Function, "runtime.") {
			return f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}

// ownFrame reports whether a function belongs to package aio or one below it,
// tests excluded.
func ownFrame(f *runtime.Frame) bool {
	rest, ok := strings.CutPrefix(f.Function, ownPath)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '/') && !strings.HasSuffix(f.File, "_test.go")
}

// ownPath is this package's import path.
var ownPath = reflect.TypeFor[Op]().PkgPath()
