package httpx_test

// differences is what Server does otherwise than net/http, by the name of the
// case that shows it.
var differences = map[string]difference{
	"status/out of range": {
		why: neverRewritten,
		diff: `
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
		why: neverRewritten,
		diff: `
- closed
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ Date: now
+ body (length): ""`,
	},
	"header/bad name": {
		why:  neverRewritten,
		diff: badName500,
	},
	"header/empty name": {
		why:  neverRewritten,
		diff: badName500,
	},
	"header/name with a newline": {
		why:  neverRewritten,
		diff: badName500,
	},
	"header/value with CR": {
		why: neverRewritten,
		diff: `
- handler: Write of 4: 4, <nil>
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-A: a b
- body (length): "body"
- then open
+ handler: Write of 4: 0, an error
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`,
	},
	"header/value with CRLF": {
		why: neverRewritten,
		diff: `
- handler: Write of 4: 4, <nil>
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-A: a  X-B: b
- body (length): "body"
- then open
+ handler: Write of 4: 0, an error
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`,
	},
	"header/value with DEL": {
		why: neverRewritten,
		diff: `
- handler: Write of 4: 4, <nil>
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-A: a\x7fb
- body (length): "body"
- then open
+ handler: Write of 4: 0, an error
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`,
	},
	"header/value with LF": {
		why: neverRewritten,
		diff: `
- handler: Write of 4: 4, <nil>
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-A: a b
- body (length): "body"
- then open
+ handler: Write of 4: 0, an error
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`,
	},
	"header/value with NUL": {
		why: neverRewritten,
		diff: `
- handler: Write of 4: 4, <nil>
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-A: a\x00b
- body (length): "body"
- then open
+ handler: Write of 4: 0, an error
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`,
	},
	"trailer/with a newline": {
		why: neverRewritten,
		diff: `
- body (chunked): "body"
- trailer X-A: a  X-B: b
- then open
+ body (chunked): "body", cut off
+ closed
+ then closed`,
	},
	"hijack/upgrade that is declined": {
		why:  noHTTPBehind,
		diff: notUsedAgain,
	},
	"request/pattern of a ServeMux": {
		why:  noHTTPBehind,
		diff: notUsedAgain,
	},
	"request/target CONNECT other:443": {
		why:  noHTTPBehind,
		diff: notUsedAgain,
	},
	"body/MaxBytesHandler": {
		why: privateMethod,
		diff: `
- Connection: close
- then closed
+ then open`,
	},
	"body/MaxBytesReader": {
		why: privateMethod,
		diff: `
- Connection: close
- then closed
+ then open`,
	},
	"panic/Goexit": {
		why:  panicIs500,
		diff: told500,
	},
	"panic/at once": {
		why:  panicIs500,
		diff: told500,
	},
	"panic/nil": {
		why:  panicIs500,
		diff: told500,
	},
	"ctx/asked for when the handler has returned": {
		why: "The ctx of a request that succeeded before anybody asked for its Done answers as that of its connection does.",
		diff: `
- handler: ctx: context.Canceled
+ handler: ctx: <nil>`,
	},
	"handlers/io.CopyN beyond the end": {
		why: "ReadFrom of net/http does not see its own TLS connection's: it does over TLS as it does without.",
		tls: `
- Content-Length: 1000
- body (length): 1000 bytes "01234567890123456789"... 7c858ff1
- Content-Length: 1000
- Content-Length: 1000
- body (length): 1000 bytes "01234567890123456789"... 7c858ff1
+ Transfer-Encoding: chunked
+ body (chunked): 1000 bytes "01234567890123456789"... 7c858ff1
+ Transfer-Encoding: chunked
+ body (chunked): 1000 bytes "01234567890123456789"... 7c858ff1`,
	},
	"handlers/io.Copy beyond a length": {
		why: "ReadFrom of net/http does not see its own TLS connection's: it does over TLS as it does without.",
		tls: `
- handler: copied 0, ErrContentLength
- body (length): "", cut off
- closed
- rest: ""
+ handler: copied 2000, <nil>
+ Content-Type: text/plain; charset=utf-8
+ body (length): 1000 bytes "01234567890123456789"... 7c858ff1
+ rest: 1000 bytes "01234567890123456789"... 7c858ff1`,
	},
	"middleware/what the writer is": {
		why: "CloseNotifier is deprecated: a request's ctx says the same.",
		diff: `
- handler: Flusher true, FlushError true, Hijacker true, ReaderFrom true, StringWriter true, Pusher false, CloseNotifier true
+ handler: Flusher true, FlushError true, Hijacker true, ReaderFrom true, StringWriter true, Pusher false, CloseNotifier false`,
	},
	"refused/1000 fields": {
		why: "MaxHeaderFields bounds their number.",
		diff: `
- handler: called
- 200
- then open
+ 431
+ then closed`,
	},
	"refused/two codings": {
		why: "A second Transfer-Encoding is malformed, whatever it is.",
		diff: `
- 501
+ 400`,
	},
	"refused/LF for CRLF at the end": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/LF for CRLF in the first line": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/LF for CRLF in the header": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/coding and length": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/coding of HTTP/1.0": {
		why:  twoReadings,
		diff: refused400AtTheEnd,
	},
	"refused/coding of HTTP/1.0 with a length": {
		why:  twoReadings,
		diff: refused400AtTheEnd,
	},
	"refused/folded": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/length and coding": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/preface of HTTP/2": {
		why:  twoReadings,
		diff: refused400AtTheEnd,
	},
	"refused/target *": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/target of CONNECT that is a URL": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/target of CONNECT that is a path": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/target of FTP": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/target that is an authority": {
		why:  twoReadings,
		diff: refused400,
	},
	"refused/two equal lengths": {
		why:  twoReadings,
		diff: refused400,
	},
}

// Reasons that several cases have.
const (
	neverRewritten = "A header that cannot be sent as it is is never rewritten: the client gets 500, and ErrBadHeader is an event."
	twoReadings    = "What two parsers may read in two ways is refused."
	panicIs500     = "A panic, or Goexit, is answered with 500 if nothing was sent."
	noHTTPBehind   = "What comes behind an offer to upgrade, or CONNECT, is not checked as HTTP, so that the connection is not used again."
	privateMethod  = "MaxBytesReader tells only net/http's own writer that the connection is to be closed, by a private method: here the rest of the body is read, as far as it is short."
)

const refused400 = `
- handler: called
- 200
- then open
+ 400
+ then closed`

const refused400AtTheEnd = `
- handler: called
- 200
+ 400`

const notUsedAgain = `
- then open
+ Connection: close
+ then closed`

const told500 = `
- closed
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 22
+ Content-Type: text/plain; charset=utf-8
+ Date: now
+ body (length): "Internal Server Error\n"`

const badName500 = `
- HTTP/1.1 200 OK
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- X-B: c
- body (length): "body"
- then open
+ HTTP/1.1 500 Internal Server Error
+ Connection: close
+ Content-Length: 0
+ body (length): ""
+ then closed`
