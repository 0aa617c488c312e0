package tcp

import (
	"io"
	"os"
	"sync/atomic"
	"syscall"
)

// splices reports whether data can go from one socket to another through a
// kernel pipe, and not through the program's memory.
const splices = true

// ductSize is the capacity of a duct, and ductLeast its capacity if the kernel
// grants a user no more memory for pipes. It is less if data arrives in small
// pieces: a duct holds as many of them as it has pages.
const (
	ductSize  = 1 << 20
	ductLeast = 256 << 10
)

// The flags of splice(2).
const (
	spliceMove     = 1
	spliceNonblock = 2
)

// duct is a kernel pipe, for one direction of a Pipe. Package net, which
// splices too, keeps its pipes after their use, so that they would remain after
// the loop has ended.
type duct struct{ r, w, size int }

// ducts counts the open ducts. They take at most a tenth of the files that the
// process may open.
var ducts atomic.Int32

// openDuct makes a duct, which close closes.
func openDuct() (*duct, error) {
	if int(ducts.Add(1)) > maxOpenFiles()/20 {
		ducts.Add(-1)
		return nil, os.NewSyscallError("pipe2", syscall.EMFILE)
	}
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		ducts.Add(-1)
		return nil, os.NewSyscallError("pipe2", err)
	}
	d := &duct{fds[0], fds[1], ductSize}
	err := resizeDuct(d.w, d.size)
	for err != nil && d.size > ductLeast {
		d.size /= 2
		err = resizeDuct(d.w, d.size)
	}
	if err != nil {
		d.close() // it may have no more than a page or two
		return nil, err
	}
	return d, nil
}

// resizeDuct sets the capacity of a duct. It is a variable for tests.
var resizeDuct = func(fd, size int) error {
	const setPipeSize = 1031 // F_SETPIPE_SZ
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), setPipeSize, uintptr(size)); errno != 0 {
		return os.NewSyscallError("fcntl", errno)
	}
	return nil
}

func (d *duct) close() {
	ducts.Add(-1)
	syscall.Close(d.r)
	syscall.Close(d.w)
}

// spliceNow is splice(2) without waiting. It is a variable for tests.
var spliceNow = func(from, to, n int) (int, error) {
	return ignoringEINTR(func() (int, error) {
		m, err := syscall.Splice(from, nil, to, nil, n, spliceMove|spliceNonblock)
		return int(m), err
	})
}

// fill moves received data from a socket into the duct, which is empty. It
// waits until there is data or an error: io.EOF at the end.
func (d *duct) fill(from *socket) (n int, err error) {
	cerr := from.raw.Read(func(fd uintptr) bool {
		n, err = spliceNow(int(fd), d.w, d.size)
		return err != syscall.EAGAIN
	})
	switch {
	case cerr != nil:
		return 0, cerr
	case err != nil:
		return 0, os.NewSyscallError("splice", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// pour moves some of the n bytes in the duct to a socket. It waits until there
// is room.
func (d *duct) pour(to *socket, n int) (m int, err error) {
	cerr := to.raw.Write(func(fd uintptr) bool {
		m, err = spliceNow(d.r, int(fd), n)
		return err != syscall.EAGAIN
	})
	switch {
	case cerr != nil:
		return 0, cerr
	case err != nil:
		return 0, os.NewSyscallError("splice", err)
	}
	return m, nil
}

// cannotSplice reports whether an error of splice means that these files, or
// this system, do not support splice. Nothing was moved then.
func cannotSplice(err error) bool {
	e, ok := err.(*os.SyscallError) //nolint:errorlint // it is ours
	if !ok {
		return false
	}
	switch e.Err { //nolint:errorlint // it is bare
	case syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EPERM:
		return true
	}
	return false
}

// splice moves data through a duct. A Read is in progress. splice returns when
// the way ends, data was put back, or splicing is impossible: the way then
// copies, at least until bulk data arrives again.
func (w *way) splice() {
	from, to := w.from.spliced(), w.to.spliced()
	if from == nil || to == nil {
		w.bulk = false
		return
	}
	d, err := openDuct()
	if err != nil { // for example, there are too many
		w.copyAlways()
		return
	}
	defer d.close()
	for w.bulk && w.begin() {
		n, err := d.fill(from)
		if cannotSplice(err) {
			w.copyAlways()
			return
		}
		w.ends(n, err)
		if n > 0 && w.err == nil {
			if err := w.pour(d, to, n); err != nil {
				w.fails(err)
			}
		}
	}
}

// copyAlways makes the way copy from now on.
func (w *way) copyAlways() { w.copies, w.bulk = true, false }

// spliced returns the connection's socket if it can be spliced: it must be a
// system socket in the Go netpoller, without TLS.
func (c *Conn) spliced() *socket {
	if c.layer() != nil {
		return nil
	}
	s, _ := c.stream().(*socket)
	return s
}

// pour writes the n bytes in the duct to the other side.
func (w *way) pour(d *duct, to *socket, n int) error {
	if err := w.to.takeStream(); err != nil {
		return err
	}
	var err error
	for n > 0 && err == nil {
		var m int
		m, err = d.pour(to, n)
		w.to.sent(m)
		w.moved += int64(m)
		n -= m
	}
	w.to.giveStream(w.to.bulkMet(err))
	if cannotSplice(err) {
		w.copyAlways()
		return w.empty(d, n)
	}
	return w.to.failure("write", err)
}

// empty writes the n bytes in the duct to the other side by copying.
func (w *way) empty(d *duct, n int) error {
	buf := make([]byte, n)
	for got := 0; got < n; {
		m, err := ignoringEINTR(func() (int, error) { return syscall.Read(d.r, buf[got:]) })
		if err != nil {
			// cannot happen: the bytes are there
			return os.NewSyscallError("read", err)
		}
		got += m
	}
	w.write(buf)
	return w.err
}
