// Package http1 parses HTTP/1.1 (RFC 9112): the head of a request, that of a
// response, and the chunked transfer coding. It is stricter than most parsers:
// it refuses input that two parsers may read in two ways.
//
// A request's head is refused with
//
//   - 400 if a line does not end with CRLF, if a field line has no name, a name
//     that is not a token, white space before its colon, or begins with white
//     space (obsolete folding), and if a value has a control byte other than a
//     tab;
//   - 400 if the request line is not a method, a target and a version with one
//     space between each, or the target has none of the forms of RFC 9112,
//     section 3.2, that fit the method: see Form;
//   - 400 if there is not exactly one Host (HTTP/1.0 may have none), or it is
//     not a host with an optional port;
//   - 400 if there is more than one Content-Length, even with equal values, or
//     one that is not 1 to 18 digits, more than one Transfer-Encoding, both of
//     them, or a Transfer-Encoding in HTTP/1.0;
//   - 400 if the body is chunked and the Trailer field names Content-Length,
//     Transfer-Encoding or Trailer;
//   - 400 if an empty line comes before it, as in net/http;
//   - 431 if it is longer than Limits.Bytes or has more fields than
//     Limits.Fields;
//   - 501 for a Transfer-Encoding other than chunked;
//   - 505 for a major version other than 1.
//
// A response's head is refused if a line is not a field line by the rules
// above; if the status line is not HTTP/1.x and a status from 100 to 999, with
// one space between them and before the reason; if there are Content-Lengths
// that differ, or one that is not 1 to 18 digits; if there is more than one
// Transfer-Encoding, one other than chunked, or one in HTTP/1.0; and beyond the
// limits. A Transfer-Encoding overrides a Content-Length; after a response with
// both, the connection must not be reused.
//
// A chunked body is refused with 400 if a line does not end with CRLF, a size
// is not 1 to 15 hexadecimal digits, a line with a size is longer than 256
// bytes, the lines together are much longer than the data, or a trailer field
// is malformed; and with 431 if the trailer exceeds the limits of a head.
package http1
