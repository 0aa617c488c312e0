package jobs

import "fmt"

// maxQueue bounds a queue's name, in bytes.
const maxQueue = 128

// CheckQueue returns an ErrInvalid for a name that some broker does not accept
// for a queue. A valid name has 1 to 128 ASCII letters, digits, '-', '_' and
// '.', begins and ends with a letter or digit, and has no two dots in a row.
func CheckQueue(name string) error {
	if name == "" || len(name) > maxQueue {
		return fmt.Errorf("%w queue: a name has 1 to %d bytes, not %d", ErrInvalid, maxQueue, len(name))
	}
	for i := range len(name) {
		c := name[i]
		edge := i == 0 || i == len(name)-1
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case (c == '-' || c == '_') && !edge:
		case c == '.' && !edge && name[i-1] != '.':
		default:
			return fmt.Errorf("%w queue %.140q: byte %d", ErrInvalid, name, i)
		}
	}
	return nil
}
