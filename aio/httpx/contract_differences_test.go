package httpx_test

// differences is what Server does otherwise than net/http, by the name of the
// case that shows it.
var differences = map[string]difference{
	"status/out of range": {
		"A status that cannot be sent is a header that cannot be sent: the client gets 500, and ErrBadHeader is an event.", `
- handler: WriteHeader(0) panics: true
- handler: WriteHeader(99) panics: true
- handler: WriteHeader(-1) panics: true
- handler: WriteHeader(1000) panics: true
- HTTP/1.1 200 OK
- then open
+ handler: WriteHeader(0) panics: false
+ handler: WriteHeader(99) panics: false
+ handler: WriteHeader(-1) panics: false
+ handler: WriteHeader(1000) panics: false
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ then closed`,
	},
	"status/out of range unrecovered": {
		"The same.", `
- closed
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ Date: now
+ body (length): ""`,
	},
	"hijack/upgrade that is declined": {
		"What comes behind an offer to upgrade is not checked as HTTP, so that the connection is not used again.", `
- then open
+ Connection: close
+ then closed`,
	},
	"trailer/with a newline": {
		"A header that cannot be sent as it is is never rewritten. A trailer comes too late for 500: the answer is cut off.", `
- body (chunked): "body"
- trailer X-A: a  X-B: b
- then open
+ body (chunked): "body", cut off
+ closed
+ then closed`,
	},
}
