package aio

import (
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

// ownFrame reports whether a call is made in a file of package aio or of one
// below it. Its tests do not count. The name of a function does not tell: a
// closure of a function that is inlined is named after the caller of that.
func ownFrame(f *runtime.Frame) bool {
	return strings.HasPrefix(f.File, ownFolder) && !strings.HasSuffix(f.File, "_test.go")
}

// ownFolder is the folder of this package, as the program has it in its debug
// information, with a slash at its end.
var ownFolder = func() string {
	_, file, _, _ := runtime.Caller(0)
	return file[:strings.LastIndexByte(file, '/')+1]
}()
