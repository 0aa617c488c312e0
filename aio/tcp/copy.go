package tcp

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"syscall"
)

// copyPart is how much ReadFrom has the system copy at a time.
const copyPart = 1 << 20

// ReadFrom copies from r to the connection until r's end: an *os.File by the
// system's own means (sendfile) where it can, on a connection without TLS, and
// on systems other than Linux without a write timeout. As for package net's
// connections, a type that embeds an *os.File is one, whatever its Read does.
// An error of r's comes as it is, one of the connection's as an *aio.ConnError.
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

// copySome copies n bytes from r, or less if r ends. It leaves out splice,
// which would do for another Conn what sendfile does for a file: package net
// keeps the pipes it needs for that, so they would be left when the loop has
// ended.
func (c *Conn) copySome(r io.Reader, n int64) (int64, error) {
	f, isFile := r.(file)
	if !isFile || c.layer() != nil {
		return c.copyThrough(r, n)
	}
	t := c.transport()
	if sender, ok := t.(fileSender); ok && isRegular(f) {
		return c.copyFile(sender, f, n)
	}
	if to, ok := t.under().(io.ReaderFrom); ok && c.peekTimes().idle.write.Load() == 0 {
		return c.copyByNet(to, f, n)
	}
	return c.copyThrough(r, n)
}

// copyThrough is copySome through a buffer.
func (c *Conn) copyThrough(r io.Reader, n int64) (int64, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{c}, io.LimitReader(r, n), buf[:])
}

// file is an *os.File, also one that hides its WriteTo, which io.Copy gives.
type file interface {
	io.Reader
	syscall.Conn
	Name() string
	Stat() (fs.FileInfo, error)
}

// fileSender is a transport that the system sends files to.
type fileSender interface {
	// sendFile sends some of f, at most n bytes, blocking until at least a byte
	// has gone. The error is the transport's.
	sendFile(f file, n int) (fileSent, error)
}

// fileSent is what has become of sending some of a file.
type fileSent struct {
	n     int  // bytes; 0 at the file's end
	unfit bool // the system does not do it for this file, which is to be read
}

// isRegular reports whether f is a regular file, for which the system need not
// wait.
func isRegular(f file) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// copyFile is copySome by a fileSender.
func (c *Conn) copyFile(t fileSender, f file, n int64) (sum int64, err error) {
	switch err := c.takeStream(); err {
	case nil:
	case errTLSBegun:
		return c.copySome(f, n)
	default:
		return 0, err
	}
	var sent fileSent
	for sum < n {
		sent, err = t.sendFile(f, int(n-sum))
		if err != nil || sent.n == 0 {
			break
		}
		sum += int64(sent.n)
		c.countOut(sent.n)
		c.writingBegins()
	}
	c.giveStream(c.bulkMet(err))
	if sent.unfit {
		m, err := c.copyThrough(f, n-sum)
		return sum + m, err
	}
	return sum, c.failure("write", err)
}

// copyByNet is copySome by package net's own way, which does not tell of
// progress.
func (c *Conn) copyByNet(to io.ReaderFrom, f file, n int64) (int64, error) {
	switch err := c.takeStream(); err {
	case nil:
	case errTLSBegun:
		return c.copySome(f, n)
	default:
		return 0, err
	}
	m, err := to.ReadFrom(io.LimitReader(f, n))
	c.sent(int(m))
	c.giveStream(c.bulkMet(err))
	var ferr *fs.PathError
	if errors.As(err, &ferr) {
		return m, ferr
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
