package tcp

import (
	"errors"
	"fmt"
	"slices"
)

// A Framing is a rule that divides a stream of bytes into frames.
// [LineFraming], [DelimiterFraming] and [LengthFraming] make one, and its
// method Handler makes a [Handler] that is called with frames. A Framing does
// not change: it is safe for concurrent use, and for any number of connections.
// The zero Framing is invalid: a connection of its Handler ends with an error
// when data arrives.
type Framing struct {
	delim []byte // what a frame ends with; empty with a length prefix
	// CR before delim is not part of the frame, and the last frame needs no
	// delim
	line bool
	size int   // bytes of the length prefix
	max  int   // bytes of payload
	err  error // why the framing is invalid
}

// Handler returns h with a Data that calls frame with each frame that has
// arrived, without its delimiter or prefix. frame is a callback like the
// others. If it is nil, frames are dropped.
//
//   - A frame is valid only during the call. It is a part of the data that has
//     arrived, unless it arrived in several parts.
//   - An incomplete frame is kept with the connection, so that one Handler
//     serves any number of connections. That takes no more memory than the part
//     that has arrived, or twice that while it grows, and at most the maximum
//     plus the delimiter or prefix. Nothing is kept between two frames.
//   - A connection that keeps a part of a frame is not idle when the loop
//     drains. This does not affect what SetBusy has set.
//   - A frame of more than the maximum ends the connection with a condition
//     that is an [ErrFrameTooLong], as soon as its beginning shows that.
//   - The peer's end within a frame ends the connection with a condition that
//     is an [io.ErrUnexpectedEOF] instead of the EOF. With lines, the bytes
//     after the last line feed are a line before the EOF.
//
// Between two frames that have arrived together the callback may change what
// happens to the second, and to the arrived part of a third:
//
//   - Close, Abort and CloseAfterFlush drop it.
//   - PauseReading keeps it until ResumeReading, and a queue at its high-water
//     mark until there is room.
//   - SetHandler, Hijack and Unread leave it, with delimiters and prefixes, to
//     the next handler or reader. Bytes that are put back by Unread come before
//     it.
//   - StartTLS uses it for the handshake. So nothing that arrived in plain text
//     is mistaken for data that TLS protects.
//
// The same applies to an incomplete frame when one of these is called between
// two callbacks. A Data that wraps the returned one must pass on all data.
func (f Framing) Handler(h Handler, frame func(c *Conn, frame []byte)) Handler {
	f.err = f.check()
	h.Data = (&framed{f, frame}).data
	return h
}

// LineFraming divides a stream into lines, as [Lines] does. maxBytes is the
// most that a line may have, not counting its line feed and the carriage return
// before it. If maxBytes is not positive, the Handler ends its connections with
// an error when data arrives.
func LineFraming(maxBytes int) Framing { return lineFraming("LineFraming", maxBytes) }

// DelimiterFraming divides a stream into frames that end with delim, as
// [Delimited] does. It copies delim. maxBytes is the most that a frame may
// have, not counting delim. If delim is empty or maxBytes is not positive, the
// Handler ends its connections with an error when data arrives.
func DelimiterFraming(delim []byte, maxBytes int) Framing {
	return delimiterFraming("DelimiterFraming", slices.Clone(delim), maxBytes)
}

// LengthFraming divides a stream into frames that follow their length, as
// [LengthPrefixed] does: a big-endian unsigned number of size (1, 2, 4 or 8)
// bytes. maxBytes is the most that a frame may have, not counting its prefix.
// For another size, or if maxBytes is not positive, the Handler ends its
// connections with an error when data arrives. [AppendLengthPrefixed] makes
// frames to send.
func LengthFraming(size, maxBytes int) Framing { return lengthFraming("LengthFraming", size, maxBytes) }

var lineFeed = []byte{'\n'}

// lineFraming is LineFraming for the function who.
func lineFraming(who string, maxBytes int) Framing {
	return Framing{line: true, delim: lineFeed, max: maxBytes, err: checkMax(who, maxBytes)}
}

// delimiterFraming is DelimiterFraming for the function who, which keeps delim.
func delimiterFraming(who string, delim []byte, maxBytes int) Framing {
	f := Framing{delim: delim, max: maxBytes, err: checkMax(who, maxBytes)}
	if len(delim) == 0 {
		f.err = fmt.Errorf("tcp: %s: the delimiter is empty", who)
	}
	return f
}

// lengthFraming is LengthFraming for the function who.
func lengthFraming(who string, size, maxBytes int) Framing {
	f := Framing{size: size, max: maxBytes, err: checkMax(who, maxBytes)}
	if _, err := lengthPrefixMax(size); err != nil {
		f.err = err
	}
	return f
}

func checkMax(who string, maxBytes int) error {
	if maxBytes <= 0 {
		return fmt.Errorf("tcp: %s: the maximum is %d bytes, must be positive", who, maxBytes)
	}
	return nil
}

// errNoFraming is the error of the zero Framing.
var errNoFraming = errors.New("tcp: the zero Framing has no frames")

// check returns why the framing makes no sense, nil if it does.
func (f *Framing) check() error {
	if f.err == nil && f.max == 0 {
		return errNoFraming
	}
	return f.err
}
