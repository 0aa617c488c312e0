package tcp

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
)

// ErrFrameTooLong says that a frame is longer than its reader allows, or than
// its length prefix can say. It is wrapped with the sizes; match it by
// [errors.Is].
var ErrFrameTooLong = errors.New("tcp: frame too long")

// Lines returns the lines of r, without their line feed and the carriage return
// before it, if there is one. maxBytes is the most that a line may have, not
// counting these. The bytes after the last line feed are a line if there are
// any (a carriage return at their end does not count).
//
// The following applies to Lines, [Delimited] and [LengthPrefixed]:
//
//   - A slice is valid until the next iteration.
//   - The end of r ([io.EOF] itself) between two frames ends the sequence
//     without an error; within a frame, it ends the sequence with an error that
//     is [io.ErrUnexpectedEOF]. Any other error of r is returned unchanged. A
//     frame of more than maxBytes gives an [ErrFrameTooLong], as soon as its
//     beginning shows that. An error ends the sequence (ranged over again, it
//     gives the same error), and what was read of the frame is lost.
//   - If r is a [*bufio.Reader] or [*bufio.ReadWriter], or has a bufio.Reader's
//     methods Peek, Discard and Buffered, no byte beyond a frame is taken from
//     it before the next iteration: the body of the loop, and code after it,
//     may continue to read from r. From any other r up to 4 KiB are read ahead:
//     only the same sequence, ranged over again, continues with them; any other
//     reader of r loses them.
//   - Memory: storage grows with the bytes that have arrived (at most doubling
//     ahead of them), whatever a prefix claims, to no more than maxBytes and
//     the delimiter or prefix, while growing to twice that; storage over 64 KiB
//     is released before waiting for the next frame.
//   - A maxBytes that is not positive, or another invalid argument, gives one
//     error, and r is not read.
//
// A sequence is for one goroutine at a time.
func Lines(r io.Reader, maxBytes int) iter.Seq2[[]byte, error] {
	return framesOf(r, lineFraming("Lines", maxBytes))
}

// Delimited returns the frames of r, each of which ends with delim, without it.
// maxBytes is the most that a frame may have, not counting delim. delim must
// not be empty, nor be changed while the sequence is in use. Bytes without a
// delim after them at the end of r are an error that is [io.ErrUnexpectedEOF].
// The rules at [Lines] apply.
func Delimited(r io.Reader, delim []byte, maxBytes int) iter.Seq2[[]byte, error] {
	return framesOf(r, delimiterFraming("Delimited", delim, maxBytes))
}

// LengthPrefixed returns the frames of r, each of which comes after its length
// in bytes as a big-endian unsigned number of size (1, 2, 4 or 8) bytes. max is
// the most bytes that a frame may have, not counting its prefix. The rules at
// [Lines] apply.
func LengthPrefixed(r io.Reader, size, maxBytes int) iter.Seq2[[]byte, error] {
	return framesOf(r, lengthFraming("LengthPrefixed", size, maxBytes))
}

// AppendLengthPrefixed appends to dst the length of payload, as a big-endian
// number of size (1, 2, 4 or 8) bytes, and payload, and returns the extended
// slice. If the length does not fit into size bytes the error is an
// [ErrFrameTooLong]; on an error dst is returned unchanged. payload must not
// lie in the unused capacity of dst.
func AppendLengthPrefixed(dst []byte, size int, payload []byte) ([]byte, error) {
	most, err := lengthPrefixMax(size)
	if err != nil {
		return dst, err
	}
	n := uint64(len(payload))
	if n > most {
		return dst, fmt.Errorf("%w: %d bytes, a prefix of size %d holds at most %d", ErrFrameTooLong, n, size, most)
	}
	for shift := (size - 1) * 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return append(dst, payload...), nil
}

// lengthPrefixMax returns the greatest length that a prefix of size bytes can
// hold.
func lengthPrefixMax(size int) (uint64, error) {
	switch size {
	case 1, 2, 4, 8:
		return math.MaxUint64 >> (64 - 8*size), nil
	}
	return 0, fmt.Errorf("tcp: the size of a length prefix is %d bytes, must be 1, 2, 4 or 8", size)
}
