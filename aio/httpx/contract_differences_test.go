package httpx_test

// differences lists the differences between Server and net/http's server, by
// the name of the case that shows them.
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
	"request/pattern of a ServeMux": {
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
	"status/101 with 0 bytes": {
		why: after101,
		diff: `
- HTTP/1.1 101 Switching Protocols
- Date: now
- X-A: b
- then open
+ closed
+ then closed`,
	},
	"trailer/of forbidden names": {
		why:  noFraming,
		diff: "- trailer Content-Length: 3",
	},
	"status/205 with 4 bytes": {
		why: no205,
		diff: `
- handler: Write of 4: 4, <nil>
- handler: Write of 4: 4, <nil>
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- body (length): "body"
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
+ handler: Write of 4: 0, ErrBodyNotAllowed
+ handler: Write of 4: 0, ErrBodyNotAllowed
+ Content-Length: 0
+ body (length): ""
+ Content-Length: 0`,
	},
	"status/205 with 0 bytes": {
		why: no205,
		diff: `
+ Content-Length: 0`,
	},
	"length/declared \"+4\" of 4": {
		why: noNumber,
		diff: `
- Content-Length: +4
- bad: Content-Length: +4
- closed
- bad: bodyHTTP/1.1 200 OK
- closed
- then ["bad: Content-Length: +4"]
+ Content-Length: 4
+ body (length): "body"
+ HTTP/1.1 200 OK
+ Content-Length: 4
+ Content-Type: text/plain; charset=utf-8
+ Date: now
+ then open`,
	},
	"length/declared twice": {
		why: noNumber,
		diff: `
- Content-Length: 4
- bad: Content-Length: 4
- closed
- then ["bad: bodyHTTP/1.1 200 OK"]
+ body (length): "body"
+ then open`,
	},
	"length/coding \"gzip\" with length \"\"": {
		why: noNumber,
		diff: `
- Transfer-Encoding: gzip
- bad: Transfer-Encoding: gzip
- closed
- then ["bad: 4"]
+ body (chunked): "body"
+ then open`,
	},
	"length/coding \"identity\" with length \"4\"": {
		why: noNumber,
		diff: `
- Content-Length: 4
- Content-Length: 4
- body (length): "body"
- then open
+ Connection: close
+ body (to the end): "body"
+ then closed`,
	},
	"length/declared \"99999999999999999999\" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
- Content-Length: 99999999999999999999
- bad: Content-Length: 99999999999999999999
- closed
+ Content-Length: 4
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \"4, 4\" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
- Content-Length: 4, 4
- bad: Content-Length: 4, 4
- closed
+ Content-Length: 4
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \" 4 \" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \"\" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
- Content-Length: 
- bad: Content-Length: 
- closed
+ Content-Length: 4
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \"x\" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
- Content-Length: x
- bad: Content-Length: x
- closed
+ Content-Length: 4
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \"-1\" of 4": {
		why: noNumber,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
- Content-Length: -1
- bad: Content-Length: -1
- closed
+ Content-Length: 4
+ body (length): "body"
+ Content-Length: 4`,
	},
	"length/declared \"0\" of 4": {
		why: noNumber,
		diff: `
- closed
- then closed
+ handler: Write of 4: 0, ErrContentLength
+ HTTP/1.1 200 OK
+ Content-Length: 0
+ Date: now
+ then open`,
	},
	"hijack/body afterwards": {
		why: bodyTaken,
		diff: `
- handler: Body.Read: <nil>
+ handler: Body.Read: ErrBodyReadAfterClose`,
	},
	"controller/no full duplex": {
		why: duplex,
		diff: `
- handler: Read: ErrBodyReadAfterClose
- handler: Read: ErrBodyReadAfterClose
+ handler: Read: <nil>
+ handler: Read: <nil>`,
	},
	"controller/full duplex, the body unread": {
		why:    duplex,
		varies: true,
		diff: `
- then closed
- then closed
+ then open
+ then open`,
	},
	"interim/expected in capitals": {
		why: noNeed,
		diff: `
- HTTP/1.1 100 Continue`,
	},
	"interim/hints to HTTP/1.0": {
		why: no10,
		diff: `
- HTTP/1.0 103 Early Hints
- HTTP/1.0 100 Continue`,
	},
	"interim/no 100 without a Read, the body sent nevertheless": {
		why: noNeed,
		diff: `
- Connection: close
- then closed
+ then open`,
	},
	"trailer/of a request, malformed": {
		why: early,
		diff: `
- handler: Read fails: true
- Content-Length: 0
- body (length): ""
+ Content-Length: 12
+ Content-Type: text/plain; charset=utf-8
+ body (length): "Bad Request\n"`,
	},
	"header/not canonical length": {
		why: spelling,
		diff: `
- content-length: 3
- Content-Length: 4
- Content-Type: text/plain; charset=utf-8
- bad: Content-Length: 4
- then ["bad: bodyHTTP/1.1 200 OK"]
+ Content-Length: 3
+ body (length): "", cut off
+ then closed`,
	},
	"header/Connection: Close, x": {
		why: tokens,
		diff: `
- then open
+ then closed`,
	},
	"header/not canonical type": {
		why: spelling,
		diff: `
- Content-Type: text/plain; charset=utf-8`,
	},
	"header/nil entries": {
		why: spelling,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): "body"
+ Content-Length: 4
+ body (length): "body"`,
	},
	"request/target GET http://user:pass@other/a": {
		why: twoReadings,
		diff: `
- handler: GET "http://user:pass@other/a" HTTP/1.1 (1.1), host "other"
- handler: URL "http://user:pass@other/a": scheme "http", host "other", path "/a", raw path "", query "", forced false, opaque "", fragment "", user user:pass
- handler: length 0, coding [], close false, no body true, trailer map[], form map[], map[]
- handler: body nil false, GetBody nil true, Response nil true
- HTTP/1.1 200 OK
- Content-Length: 0
- Date: now
- body (length): ""
- then open
+ HTTP/1.1 400 Bad Request
+ Connection: close
+ Content-Type: text/plain; charset=utf-8
+ body (to the end): "400 Bad Request"
+ then closed`,
	},
	"request/target CONNECT other:443": {
		why: twoReadings,
		diff: `
- Content-Length: 0
- then open
+ then closed`,
	},
	"request/target GET /a|b^c{}\"<>\\`": {
		why:  twoReadings,
		diff: "\n- handler: GET \"/a|b^c{}\\\"<>\\\\`\" HTTP/1.1 (1.1), host \"h\"\n- handler: URL \"/a%7Cb%5Ec%7B%7D%22%3C%3E%5C%60\": scheme \"\", host \"\", path \"/a|b^c{}\\\"<>\\\\`\", raw path \"/a|b^c{}\\\"<>\\\\`\", query \"\", forced false, opaque \"\", fragment \"\", user \n- handler: length 0, coding [], close false, no body true, trailer map[], form map[], map[]\n- handler: body nil false, GetBody nil true, Response nil true\n- HTTP/1.1 200 OK\n- Content-Length: 0\n- Date: now\n- body (length): \"\"\n- then open\n+ HTTP/1.1 400 Bad Request\n+ Connection: close\n+ Content-Type: text/plain; charset=utf-8\n+ body (to the end): \"400 Bad Request\"\n+ then closed",
	},
	"request/target GET /ä": {
		why: twoReadings,
		diff: `
- handler: GET "/ä" HTTP/1.1 (1.1), host "h"
- handler: URL "/%C3%A4": scheme "", host "", path "/ä", raw path "/ä", query "", forced false, opaque "", fragment "", user 
- handler: length 0, coding [], close false, no body true, trailer map[], form map[], map[]
- handler: body nil false, GetBody nil true, Response nil true
- HTTP/1.1 200 OK
- Content-Length: 0
- Date: now
- body (length): ""
- then open
+ HTTP/1.1 400 Bad Request
+ Connection: close
+ Content-Type: text/plain; charset=utf-8
+ body (to the end): "400 Bad Request"
+ then closed`,
	},
	"request/target GET /a#b": {
		why: twoReadings,
		diff: `
- handler: GET "/a#b" HTTP/1.1 (1.1), host "h"
- handler: URL "/a%23b": scheme "", host "", path "/a#b", raw path "/a#b", query "", forced false, opaque "", fragment "", user 
- handler: length 0, coding [], close false, no body true, trailer map[], form map[], map[]
- handler: body nil false, GetBody nil true, Response nil true
- HTTP/1.1 200 OK
- Content-Length: 0
- Date: now
- body (length): ""
- then open
+ HTTP/1.1 400 Bad Request
+ Connection: close
+ Content-Type: text/plain; charset=utf-8
+ body (to the end): "400 Bad Request"
+ then closed`,
	},
	"body/read behind a Flush": {
		why: duplex,
		diff: `
- handler: read "", ErrBodyReadAfterClose
- handler: read "", ErrBodyReadAfterClose
+ handler: read "abcde", <nil>
+ handler: read "abc", <nil>`,
	},
	"body/malformed chunk, unread": {
		why: early,
		diff: `
- HTTP/1.1 200 OK
- Content-Length: 6
- body (length): "answer"
+ HTTP/1.1 400 Bad Request
+ Content-Length: 12
+ body (length): "Bad Request\n"`,
	},
	"body/malformed chunk": {
		why: early,
		diff: `
- handler: read "abc", fails true
- handler: the same again: true
- Content-Length: 0
- body (length): ""
+ Content-Length: 12
+ Content-Type: text/plain; charset=utf-8
+ body (length): "Bad Request\n"`,
	},
	"body/cut off": {
		why: cutOff,
		diff: `
- rest: "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
+ rest: "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"`,
	},
	"connection/HTTP/1.0 with keep-alive": {
		why: tokens,
		diff: `
- Connection: keep-alive
- then open
+ then closed`,
	},
	"connection/pipelined with an expectation": {
		why: noNeed,
		diff: `
- HTTP/1.1 100 Continue`,
	},
	"handlers/io.Copy beyond a length": {
		why: whole,
		diff: `
- handler: copied 2000, <nil>
- Content-Type: text/plain; charset=utf-8
- body (length): 1000 bytes "01234567890123456789"... 7c858ff1
- rest: 1000 bytes "01234567890123456789"... 7c858ff1
+ handler: copied 0, ErrContentLength
+ body (length): "", cut off
+ closed
+ rest: ""`,
		tls: none,
	},
	"handlers/io.CopyN beyond the end": {
		why: whole,
		diff: `
- Transfer-Encoding: chunked
- body (chunked): 1000 bytes "01234567890123456789"... 7c858ff1
- Transfer-Encoding: chunked
- body (chunked): 1000 bytes "01234567890123456789"... 7c858ff1
+ Content-Length: 1000
+ body (length): 1000 bytes "01234567890123456789"... 7c858ff1
+ Content-Length: 1000
+ Content-Length: 1000
+ body (length): 1000 bytes "01234567890123456789"... 7c858ff1`,
		tls: none,
	},
	"form/form in a body that is too large": {
		why: anyWriter,
		diff: `
- then open
+ Connection: close
+ then closed`,
	},
}

// Reasons that several cases have.
const (
	after101       = "What follows a 101 is not HTTP: the connection closes unless the handler takes it over."
	noFraming      = "A trailer never has a field that frames a message (RFC 9110, section 6.5.1)."
	whole          = "A body is never longer than its Content-Length, and one that fits is not chunked."
	cutOff         = "A response to a request whose body was cut off says that the connection closes."
	tokens         = "Connection is a list of tokens in any case (RFC 9110, section 7.6.1)."
	spelling       = "What the server sets itself is known by any spelling of its name."
	early          = "A malformed body that has come with its header is refused before the handler is called."
	no10           = "Clients of HTTP/1.0 get no informational response (RFC 9110, section 15.2)."
	noNeed         = "A client whose body has come is not told to send it."
	duplex         = "The body can be read while the response is written, also without EnableFullDuplex."
	bodyTaken      = "What was sent as a body is read from a connection that was taken over, and not from the request."
	noNumber       = "A Content-Length that is no number is left out, and a Transfer-Encoding is the server's: net/http sends both as they are, which no client can read."
	no205          = "A 205 has no body (RFC 9110, section 15.3.6)."
	anyWriter      = "A body that exceeds an http.MaxBytesReader ends the connection, whatever writer that was given."
	neverRewritten = "A header that cannot be sent as it is is never rewritten: the client gets 500, and ErrBadHeader is an event."
	twoReadings    = "What two parsers may read in two ways is refused."
	panicIs500     = "A panic, or Goexit, is answered with 500 if nothing was sent."
	noHTTPBehind   = "What comes behind CONNECT need not be HTTP, so that the connection is not used again."
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
