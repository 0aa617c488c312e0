package tcp

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
)

// copyPart is how much ReadFrom has the system copy at a time.
const copyPart = 1 << 20

// ReadFrom copies from r to the connection until r's end: an *os.File by the
// system's own means (sendfile) where it can, on a connection without TLS and
// write timeout. An error of r's comes as it is, one of the connection's as an
// *aio.ConnError.
func (c *Conn) ReadFrom(r io.Reader) (sum int64, err error) {
	limit := int64(math.MaxInt64)
	if l, ok := r.(*io.LimitedReader); ok {
		r, limit = l.R, l.N
		defer func() { l.N -= sum }()
	}
	for sum < limit {
		part := min(limit-sum, copyPart)
		n, err := c.copySome(r, part)
		sum += n
		if err != nil || n < part {
			return sum, err
		}
	}
	return sum, nil
}

// copySome copies n bytes from r, or less if r ends. It leaves out splice, which
// would do for another Conn what sendfile does for a file: package net keeps the
// pipes it needs for that, so they would be left when the loop has ended.
func (c *Conn) copySome(r io.Reader, n int64) (int64, error) {
	to, ok := c.transport().under().(io.ReaderFrom)
	if _, isFile := r.(*os.File); !ok || !isFile || c.layer() != nil || c.peekTimes().idle.write.Load() != 0 {
		buf := readBuffers.Get().(*[readSize]byte)
		defer readBuffers.Put(buf)
		return io.CopyBuffer(writerOnly{c}, io.LimitReader(r, n), buf[:])
	}
	switch err := c.takeStream(); err {
	case nil:
	case errTLSBegun:
		return c.copySome(r, n)
	default:
		return 0, err
	}
	m, err := to.ReadFrom(io.LimitReader(r, n))
	c.sent(int(m))
	c.giveStream(c.bulkMet(err))
	var file *fs.PathError
	if errors.As(err, &file) {
		return m, file
	}
	return m, c.failure("write", err)
}

// WriteTo copies from the connection to w until the peer's end. An error of w's
// comes as it is, one of the connection's as an *aio.ConnError.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{w}, readerOnly{c}, buf[:])
}

// writerOnly hides what io.Copy would rather use.
type writerOnly struct{ io.Writer }

// readerOnly hides what io.Copy would rather use.
type readerOnly struct{ io.Reader }
