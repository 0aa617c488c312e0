package httpx_test

// Reasons for differences between Client and net/http's Transport.
const (
	escapesTargets   = "spaces in the request's URL are escaped, which net/http sends as they are: the target would end there"
	trimsValues      = "over HTTP/2 too, values have no white space around them, which a server must refuse (RFC 9113, section 8.2.1)"
	sameAsHTTP1      = "over HTTP/2 too, a body that is not as long as it is said to be fails the request"
	leavesConnection = "the Connection field is left in the response's header: see the documentation"
	boundsHeaders    = "a response's header is bounded to 256 KiB"
	boundsInterim    = "there are at most 32 informational responses"
	sendsNoneOfIt    = "the first piece of a body that is too long is not sent"
	waitsForNoReader = "net/http waits for the Read of a body that is cancelled"
	tellsOf100       = "net/http tells its trace of a 100 only if the request has asked for it"
	endsAtOnce       = "the end of the request's context closes the response's body, with what has come and was not read"
	hasCauses        = "the error is the cause of the context's end over HTTP/2 too"
	keepsWhatHasCome = "a connection is used again if all of the body has come, read or not"
)

// Reasons for differences between Client over HTTP/2 and over HTTP/1.1, which
// net/http has too.
const (
	ofHTTP2           = "package http2 has it so"
	framesHaveLengths = "frames tell the length of a body: there is no chunked coding, and a short body has a length"
	trailersByFrames  = "a trailer needs no chunked coding"
	noConnectionField = "HTTP/2 has no fields that are about the connection (RFC 9113, section 8.2.2)"
	needsHost         = "a host that is none is an :authority that is none, where HTTP/1.1 can do with an empty Host"
	noReasons         = "HTTP/2 has no reasons (RFC 9113, section 8.3.2)"
	asTheServerSends  = "package net/http's server sends white space around values as it is"
	streamsEnd        = "a stream that ends before its end does not end its connection, which many requests share"
)

// clientDifferences lists the differences between Client and net/http's
// Transport, and between Client over HTTP/2 and over HTTP/1.1, by the name of
// the case that shows them.
var clientDifferences = map[string]clientDifference{
	"request/spaces": {
		why: escapesTargets,
		plain: `
- 400 Bad Request of -1 bytes, unpacked false
- on the wire: [], close true
- header Content-Type: "text/plain; charset=utf-8";
- body "400 Bad Request", no error
+ server: GET /a%20b?c=d%20e for origin, 0 bytes "", no error
+ server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";
+ 204 No Content of 0 bytes, unpacked false
+ on the wire: [], close false
+ header is empty
+ body "", no error`,
		h2: `
- server: GET /a%20b?c=d e for origin, 0 bytes "", no error
+ server: GET /a%20b?c=d%20e for origin, 0 bytes "", no error`,
	},
	"request/opaque": {
		why: ofHTTP2,
		engines: `
- server: GET http://origin/o%2Fp for origin, 0 bytes "", no error
+ server: GET /o%2Fp for origin, 0 bytes "", no error`,
	},
	"request/values": {
		why: trimsValues,
		h2: `
- server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1"; X-A: "1", " 2 ", "", "3,4";
+ server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1"; X-A: "1", "2", "", "3,4";`,
	},
	"request/cookies": {
		why: ofHTTP2,
		engines: `
- server: header Accept-Encoding: "gzip"; Cookie: "a=1; b=2", "c=3"; User-Agent: "Go-http-client/1.1";
+ server: header Accept-Encoding: "gzip"; Cookie: "a=1; b=2; c=3"; User-Agent: "Go-http-client/1.1";`,
	},
	"request/Trailer in the header": {
		why: trailersByFrames,
		engines: `
+ server: trailer X-T: ;`,
	},
	"request/chunked": {
		why: framesHaveLengths,
		engines: `
- server: POST / for origin, -1 bytes "hello", no error
- server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";
+ server: POST / for origin, 5 bytes "hello", no error
+ server: header Accept-Encoding: "gzip"; Content-Length: "5"; User-Agent: "Go-http-client/1.1";`,
	},
	"request/Close": {
		why: noConnectionField,
		engines: `
- server: header Accept-Encoding: "gzip"; Connection: "close"; User-Agent: "Go-http-client/1.1";
+ server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";`,
	},
	"request/Connection: close": {
		why: noConnectionField,
		engines: `
- server: header Accept-Encoding: "gzip"; Connection: "close"; User-Agent: "Go-http-client/1.1";
+ server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";`,
	},
	"request/Connection: keep-alive": {
		why: noConnectionField,
		engines: `
- server: header Accept-Encoding: "gzip"; Connection: "keep-alive"; User-Agent: "Go-http-client/1.1";
+ server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";`,
	},
	"request/a trailer of a known length": {
		why: trailersByFrames,
		engines: `
+ server: trailer X-T: "1";`,
	},
	"refused/a host with CRLF": {
		why: needsHost,
		engines: `
- server: POST / for , -1 bytes "hello", no error
- server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";
- 204 No Content of 0 bytes, unpacked false
- header is empty
- body "", no error
+ an error`,
	},
	"refused/a host with a space": {
		why: needsHost,
		engines: `
- server: POST / for , -1 bytes "hello", no error
- server: header Accept-Encoding: "gzip"; User-Agent: "Go-http-client/1.1";
- 204 No Content of 0 bytes, unpacked false
- header is empty
- body "", no error
+ an error`,
	},
	"refused/Connection with a token": {
		why: noConnectionField,
		engines: `
- server: POST / for origin, -1 bytes "hello", no error
- server: header Accept-Encoding: "gzip"; Connection: "x-token"; User-Agent: "Go-http-client/1.1";
- 204 No Content of 0 bytes, unpacked false
- header is empty
- body "", no error
+ an error`,
	},
	"refused/Upgrade without Connection": {
		why: noConnectionField,
		engines: `
- server: POST / for origin, -1 bytes "hello", no error
- server: header Accept-Encoding: "gzip"; Upgrade: "x"; User-Agent: "Go-http-client/1.1";
- 204 No Content of 0 bytes, unpacked false
- header is empty
- body "", no error
+ an error`,
	},
	"refused/a length without a body": {
		why: sameAsHTTP1,
		h2: `
- server: POST / for origin, 0 bytes "", no error
- server: header Accept-Encoding: "gzip"; Content-Length: "0"; User-Agent: "Go-http-client/1.1";
- 204 No Content of 0 bytes, unpacked false
- on the wire: [], close false
- header is empty
- body "", no error
+ an error`,
	},
	"response/status 299 1": {
		why: noReasons,
		engines: `
- 299 status code 299 of 1 bytes, unpacked false
- 299 status code 299 of 1 bytes, unpacked false
+ 299  of 1 bytes, unpacked false
+ 299  of 1 bytes, unpacked false`,
	},
	"response/status 599 2": {
		why: noReasons,
		engines: `
- 599 status code 599 of 2 bytes, unpacked false
- 599 status code 599 of 2 bytes, unpacked false
+ 599  of 2 bytes, unpacked false
+ 599  of 2 bytes, unpacked false`,
	},
	"response/status 999 2": {
		why: noReasons,
		engines: `
- 999 status code 999 of 2 bytes, unpacked false
- 999 status code 999 of 2 bytes, unpacked false
+ 999  of 2 bytes, unpacked false
+ 999  of 2 bytes, unpacked false`,
	},
	"response/values": {
		why: asTheServerSends,
		engines: `
- header Content-Length: "0"; X-A: "1", "2", "", "3";
- header X-A: "1", "2", "", "3";
+ header Content-Length: "0"; X-A: "1", "2", "", " 3 ";
+ header X-A: "1", "2", "", " 3 ";`,
	},
	"response/Pragma": {
		why: ofHTTP2,
		engines: `
- header Cache-Control: "no-cache"; Content-Length: "0"; Pragma: "no-cache";
- header Cache-Control: "no-cache"; Pragma: "no-cache";
+ header Content-Length: "0"; Pragma: "no-cache";
+ header Pragma: "no-cache";`,
	},
	"response/the field Connection": {
		why: leavesConnection,
		plain: `
- Connection: []
+ Connection: ["close"]`,
		engines: `
- Connection: ["close"]
+ Connection: []`,
	},
	"response/a header of 500 KiB": {
		why: boundsHeaders,
		plain: `
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0"; X-A: 512000 bytes "xxxxxxxxxxxxxxxxxxxx"... a0b3e457;
- body "", no error
- 200 OK of -1 bytes, unpacked false
- on the wire: [], close false
- header X-A: 512000 bytes "xxxxxxxxxxxxxxxxxxxx"... a0b3e457;
- body "", no error
+ an error
+ an error`,
		h2: `
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0"; X-A: 512000 bytes "xxxxxxxxxxxxxxxxxxxx"... a0b3e457;
- body "", no error
- 200 OK of -1 bytes, unpacked false
- on the wire: [], close false
- header X-A: 512000 bytes "xxxxxxxxxxxxxxxxxxxx"... a0b3e457;
- body "", no error
+ an error
+ an error`,
	},
	"response/a trailer": {
		why: framesHaveLengths,
		engines: `
- 200 OK of -1 bytes, unpacked false
- header Content-Type: "text/plain; charset=utf-8";
- 200 OK of -1 bytes, unpacked false
- header Content-Type: "text/plain; charset=utf-8"; Trailer: "X-T, X-U";
+ 200 OK of 5 bytes, unpacked false
+ header Content-Length: "5"; Content-Type: "text/plain; charset=utf-8";
+ 200 OK of 5 bytes, unpacked false
+ header Content-Length: "5"; Content-Type: "text/plain; charset=utf-8";
+ trailer X-T: ; X-U: ;`,
	},
	"response/a trailer without a body": {
		why: framesHaveLengths,
		engines: `
- 200 OK of -1 bytes, unpacked false
- header Trailer: "X-T";
+ 200 OK of 0 bytes, unpacked false
+ header Content-Length: "0";
+ trailer X-T: ;`,
	},
	"upload/too short": {
		why: sameAsHTTP1,
		h2: `
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
+ an error`,
	},
	"upload/empty, and a length": {
		why: sameAsHTTP1,
		h2: `
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
+ an error`,
	},
	"upload/too long": {
		why: sendsNoneOfIt, varies: true,
		plain: `
- server: 10 bytes told, "0123456789"
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
+ an error`,
	},
	"upload/cancelled": {
		why:    waitsForNoReader,
		varies: true,
		plain: `
- after 10s
+ after 0s`,
	},
	"interim/100": {
		why: tellsOf100,
		plain: `
+ trace: 100`,
		engines: `
the order`,
	},
	"interim/forty": {
		why: boundsInterim,
		plain: `
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- on the wire: trace: put, no error
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
+ an error
+ an error`,
		h2: `
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- trace: 103 is empty
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
- 200 OK of 0 bytes, unpacked false
- on the wire: [], close false
- header Content-Length: "0";
- body "", no error
+ an error
+ an error`,
	},
	"end/cancelled behind the header": {
		why: endsAtOnce, varies: true,
		plain: `
- body "hello", cancelled
+ body "", cancelled`,
		h2: `
- body "hello", cancelled
+ body "", cancelled`,
	},
	"end/cancelled with a cause": {
		why: hasCauses,
		h2: `
- the cause: false, context.Canceled: true
+ the cause: true, context.Canceled: false`,
	},
	"connection/half read, short": {
		why: keepsWhatHasCome,
		plain: `
- 2 connections
+ 1 connections`,
	},
	"connection/half read, long": {
		why: streamsEnd,
		engines: `
- 2 connections
+ 1 connections`,
	},
	"connection/not read": {
		why: keepsWhatHasCome,
		plain: `
- 2 connections
+ 1 connections`,
	},
	"connection/side by side": {
		why: streamsEnd,
		engines: `
- 3 connections
+ 1 connections`,
	},
	"connection/behind a panic of the server's": {
		why: streamsEnd,
		engines: `
- 3 connections
+ 1 connections`,
	},
}
