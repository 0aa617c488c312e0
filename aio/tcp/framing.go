package tcp

import (
	"errors"
	"fmt"
	"slices"
)

// Framing is how a stream of bytes is divided into frames. [LineFraming],
// [DelimiterFraming] and [LengthFraming] make one, and its method Handler makes
// a [Handler] that is called back with frames. A Framing does not change: any
// goroutine may use it, for any number of connections. The zero Framing makes
// no sense: a connection of its Handler ends with an error when something
// arrives.
type Framing struct {
	delim []byte // what a frame ends with; none with a length prefix
	line  bool   // a carriage return before delim is no part of the frame, and the last frame needs no delim
	size  int    // bytes of the length prefix
	max   int    // bytes of payload
	err   error  // why the framing makes no sense
}

// Handler returns h with a Data that calls frame with each frame that has
// arrived, without its delimiter or prefix. frame is a callback like the
// others. nil drops the frames.
//
//   - A frame is valid during the call only. It is a part of the data that has
//     arrived unless it has come in several parts.
//   - A frame that has come in part is kept with the connection, so that one
//     Handler serves any number of connections. That takes no more memory than
//     has come of the frame, or twice that while it grows, and the maximum with
//     the delimiter or prefix at most. Nothing is kept between two frames.
//   - A connection that keeps a part of a frame is not idle when the loop
//     drains. This does not touch what SetBusy has set.
//   - A frame of more than the maximum ends the connection with a condition
//     that is an [ErrFrameTooLong], as soon as its beginning shows that.
//   - The peer's end within a frame ends the connection with a condition that
//     is an [io.ErrUnexpectedEOF] instead of the EOF. Of lines, what follows
//     the last line feed is a line before the EOF.
//
// Between two frames that have arrived together the callback may change what
// becomes of the second, and of what has come of a third:
//
//   - Close, Abort and CloseAfterFlush drop it.
//   - PauseReading keeps it until ResumeReading, and a queue at its high-water
//     mark until there is room.
//   - SetHandler, Hijack and Unread leave it, with delimiters and prefixes, to
//     the next handler or reader. Bytes that are put back by Unread come before
//     it.
//   - StartTLS takes it for the handshake. So nothing that came in plain text
//     is taken for what TLS protects.
//
// The same holds for the part of a frame that is kept, when one of these is
// called between two callbacks. A Data that wraps the one returned must hand on
// all that it is given.
func (f Framing) Handler(h Handler, frame func(c *Conn, frame []byte)) Handler {
	f.err = f.check()
	h.Data = (&framed{f, frame}).data
	return h
}

// LineFraming divides a stream into lines, as [Lines] does. maxBytes is the
// most that a line may have, not counting its line feed and the carriage return
// before that. The Handler of a maxBytes that is not positive ends its
// connections with an error when something arrives.
func LineFraming(maxBytes int) Framing { return lineFraming("LineFraming", maxBytes) }

// DelimiterFraming divides a stream into frames that end with delim, as
// [Delimited] does. It copies delim. maxBytes is the most that a frame may
// have, not counting delim. The Handler of an empty delim, or of a maxBytes
// that is not positive, ends its connections with an error when something
// arrives.
func DelimiterFraming(delim []byte, maxBytes int) Framing {
	return delimiterFraming("DelimiterFraming", slices.Clone(delim), maxBytes)
}

// LengthFraming divides a stream into frames that come after their length, as
// [LengthPrefixed] does: a big-endian unsigned number of size (1, 2, 4 or 8)
// bytes. maxBytes is the most that a frame may have, not counting its prefix.
// The Handler of another size, or of a maxBytes that is not positive, ends its
// connections with an error when something arrives. [AppendLengthPrefixed]
// makes the frames that are sent.
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
