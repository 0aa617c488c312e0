package beanstalk

import (
	"fmt"
	"time"
)

// DefaultTube is the tube that a new connection uses and watches.
const DefaultTube = "default"

// maxName is the longest name of a tube, in bytes (protocol.txt).
const maxName = 200

// checkName returns an ErrInvalid if the name is not valid for a tube. It keeps
// a name from injecting another command: a name has no white space.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: a tube needs a name", ErrInvalid)
	case len(name) > maxName:
		return fmt.Errorf("%w: the name of a tube has %d bytes, the most is %d", ErrInvalid, len(name), maxName)
	case name[0] == '-':
		return fmt.Errorf("%w: the name of a tube begins with a hyphen", ErrInvalid)
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return fmt.Errorf("%w: byte %#02x in the name of a tube", ErrInvalid, name[i])
		}
	}
	return nil
}

// isNameByte reports whether the name of a tube may contain the byte.
func isNameByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '-', '+', '/', ';', '.', '$', '_', '(', ')':
		return true
	}
	return false
}

// maxSeconds is the longest time in the protocol.
const maxSeconds = 1<<32 - 1

// seconds returns a time in whole seconds, rounded up.
func seconds(what string, d time.Duration) (uint32, error) {
	if d < 0 {
		return 0, fmt.Errorf("%w: a negative %s", ErrInvalid, what)
	}
	s := int64(d / time.Second)
	if d%time.Second != 0 {
		s++
	}
	if s > maxSeconds {
		return 0, fmt.Errorf("%w: a %s of more than %d s", ErrInvalid, what, int64(maxSeconds))
	}
	return uint32(s), nil
}
