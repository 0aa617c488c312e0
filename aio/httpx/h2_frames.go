package httpx

// frameCheck follows the frames that an HTTP/2 client sends (RFC 9113, section
// 4.1), to know when a header is in progress: net/http bounds its size, but not
// its time.
type frameCheck struct {
	preface int     // bytes of the preface received
	head    [9]byte // of the current frame
	got     int     // bytes of head received
	left    int     // bytes of the frame missing
	open    bool    // a header's last frame is not complete
	begun   bool    // a frame is complete: the first one, SETTINGS
	asked   bool    // a request's header is complete
}

const (
	prefaceLen        = 24 // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameHeaders      = 0x1
	frameContinuation = 0x9
	flagEndHeaders    = 0x4
)

// inHeader reports whether a header, or what may become one, has begun and is
// not complete.
func (f *frameCheck) inHeader() bool {
	return f.open || f.preface < prefaceLen || 0 < f.got && f.got < len(f.head)
}

// between reports whether the next byte begins a frame of any type.
func (f *frameCheck) between() bool { return f.begun && f.got == 0 && !f.open }

// feed processes the next bytes from the connection.
func (f *frameCheck) feed(p []byte) {
	n := min(prefaceLen-f.preface, len(p))
	f.preface += n
	for p = p[n:]; len(p) > 0; {
		if f.got < len(f.head) {
			n := copy(f.head[f.got:], p)
			p = p[n:]
			if f.got += n; f.got < len(f.head) {
				return
			}
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			f.open = f.open || f.head[3] == frameHeaders
		}
		n := min(f.left, len(p))
		p = p[n:]
		if f.left -= n; f.left == 0 {
			f.frameEnded()
		}
	}
}

// frameEnded is called at the end of a frame.
func (f *frameCheck) frameEnded() {
	f.got, f.begun = 0, true
	if kind := f.head[3]; (kind == frameHeaders || kind == frameContinuation) && f.head[4]&flagEndHeaders != 0 {
		f.open, f.asked = false, true
	}
}
