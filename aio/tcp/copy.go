package tcp

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"syscall"
)

// copyPart is how much of a ReadFrom the system copies at a time.
const copyPart = 1 << 20

// ReadFrom copies from r to the connection until r's end. It lets the system
// send an *os.File (sendfile) where possible: on a connection without TLS, and
// on systems other than Linux without a write timeout. As with package net's
// connections, a type that embeds an *os.File counts as one, whatever its Read
// does. It returns an error of r unchanged, and one of the connection as an
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

// copySome copies n bytes from r, or fewer if r ends. It does not use splice,
// which would do for another Conn what sendfile does for a file: package net
// keeps the pipes that it needs for that, so they would remain after the loop
// has ended.
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

// file is an *os.File, or what io.Copy makes of it to hide its WriteTo.
type file interface {
	io.Reader
	syscall.Conn
	Name() string
	Stat() (fs.FileInfo, error)
}

// fileSender is a transport to which the system can send files.
type fileSender interface {
	// sendFile sends some of f, at most n bytes, and blocks until at least one
	// byte has been sent. It returns the transport's error.
	sendFile(f file, n int) (fileSent, error)
}

// fileSent is the result of sending a part of a file.
type fileSent struct {
	n     int  // bytes; 0 at the file's end
	unfit bool // the system cannot send this file, which must be read
}

// isRegular reports whether f is a regular file, for which the system need not
// wait.
func isRegular(f file) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// copyFile is copySome through a fileSender.
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

// copyByNet is copySome through package net, which does not report progress.
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

// WriteTo copies from the connection to w until the peer's end. It returns an
// error of w unchanged, and one of the connection as an *aio.ConnError.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{w}, readerOnly{c}, buf[:])
}

// writerOnly hides the methods that io.Copy would prefer.
type writerOnly struct{ io.Writer }

// readerOnly hides the methods that io.Copy would prefer.
type readerOnly struct{ io.Reader }
